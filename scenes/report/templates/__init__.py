"""The templates of the report, which are data files of this package."""
