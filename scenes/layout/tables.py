"""The tables of an archive, read when they are needed."""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cached_property

from scenes.archive.safe_zip import DamagedMember
from scenes.common.words import listed, show
from scenes.layout.image_index import ImageIndex
from scenes.layout.label_tables import Labels, Table, candidates, possible_columns, read_labels, read_table, values
from scenes.layout.members import UnfitSetting


class Tables:
    """The tables beside the images of an archive.

    Attributes:
        used: paths of the tables whose labels or columns are in use.
    """

    def __init__(self, paths: Sequence[str], read: Callable[[str], bytes], splits: Mapping[str, str]) -> None:
        """Note the tables; none is read before it is needed.

        Args:
            paths: of the files that may be tables.
            read: returns the bytes of one.
            splits: the split of each image by its folder, '' if none.
        """
        self.used: set[str] = set()
        self._paths, self._read, self._splits = paths, read, splits

    @cached_property
    def _index(self) -> ImageIndex:
        return ImageIndex(self._splits)

    @cached_property
    def _tables(self) -> list[Table]:
        return [table for path in candidates(self._paths) if (table := self._table(path))]

    @cached_property
    def labels(self) -> list[Labels]:
        """The labels of the tables that have some, those of the most images first."""
        return self.labels_among(())

    def labels_among(self, classes: Collection[str]) -> list[Labels]:
        """Return ``labels`` when some classes are known, see :func:`scenes.layout.label_tables.read_labels`."""
        each = [read_labels(table, self._index, classes=classes) for table in self._tables]
        return sorted((found for found in each if found and found.labels), key=lambda it: (-len(it.labels), it.path))

    @property
    def headers(self) -> list[tuple[str, tuple[str, ...]]]:
        """Path and columns of each table that could be read."""
        return [(table.path, table.header) for table in self._tables]

    @property
    def possible(self) -> list[str]:
        """What ``archive.layout.labels`` could be: ``table:<path>:<column>`` for each column that may have labels."""
        return [
            f"table:{table.path}:{column}" for table in self._tables for column in possible_columns(table, self._index)
        ]

    def chosen(self, setting: str) -> Labels:
        """Return the labels of the table that a user has chosen.

        Args:
            setting: the path of the table, perhaps with a colon and the name of the column that has the labels.

        Raises:
            UnfitSetting: there is no such table or column, or it names none of the images.
        """
        path, column = setting, ""
        if path not in self._paths:
            path, _, column = setting.rpartition(":")
        if path not in self._paths:
            raise UnfitSetting(
                "labels",
                f"archive.layout.labels names the table {show(setting, 80)}, which is not here"
                + (f"; there are {listed(self._paths)}" if self._paths else "; there is no table"),
            )
        table = self._table(path)
        labels = read_labels(table, self._index, column) if table else None
        if not labels or not labels.labels:
            header = f"its columns are {', '.join(map(repr, table.header))[:120]}" if table else "it has no rows"
            raise UnfitSetting(
                "labels",
                f"no column of {show(path, 80)} names images of this archive, or none has their labels ({header}); "
                "set archive.layout.labels to table:<path>:<column with the labels>",
            )
        return labels

    def column(self, name: str) -> dict[str, str]:
        """Return the cell of the column ``name`` for each image; the tables with the labels come first.

        Raises:
            UnfitSetting: there is no such column.
        """
        cells: dict[str, str] = {}
        for path in sorted(self.used):
            self._add_column(cells, path, name)
        for table in self._tables if not cells else ():
            self._add_column(cells, table.path, name)
        if not cells:
            columns = sorted({column for _, header in self.headers for column in header})
            raise UnfitSetting(
                "subject",
                f"archive.layout.subject: no table with a column of file names has a column {name!r}"
                + (f"; there are {', '.join(map(repr, columns))[:150]}" if columns else "; there is no table"),
            )
        return cells

    def _add_column(self, cells: dict[str, str], path: str, name: str) -> None:
        table = self._table(path)
        if table and (more := values(table, self._index, name)):
            cells |= more
            self.used.add(path)

    def _table(self, path: str) -> Table | None:
        try:
            return read_table(path, self._read(path))
        except DamagedMember:
            return None
