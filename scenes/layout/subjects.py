"""What images show, where several of them belong together: a patient, a video, a burst."""

from collections.abc import Sequence

from scenes.common.words import count, show
from scenes.layout.members import Member, UnfitSetting
from scenes.layout.name_patterns import compile_pattern
from scenes.layout.tables import Tables


def with_subjects(members: Sequence[Member], how: str, tables: Tables) -> tuple[list[Member], str]:
    """Fill ``Member.subject``.

    Args:
        members: of all splits.
        how: ``column:<name>`` of a table, or ``path:<regular expression>``, whose first group (or whole match, if it
            has no group) is the subject.
        tables: of the archive.

    Returns:
        The members, and a sentence with the number of subjects.

    Raises:
        UnfitSetting: there is no such column, or the expression is in no path.
        InputError: the expression is invalid.
    """
    kind, _, rest = how.partition(":")
    if kind == "column":
        subjects = tables.column(rest)
    else:
        pattern = compile_pattern(rest, "archive.layout.subject")
        matches = ((member.path, pattern.search(member.path)) for member in members)
        subjects = {path: match[1 if pattern.groups else 0] or "" for path, match in matches if match}
    filled = [member._replace(subject=subjects.get(member.path, "")) for member in members]
    known = {member.subject for member in filled} - {""}
    unknown = sum(not member.subject for member in filled)
    if not known:
        text = f"archive.layout.subject: {show(how, 60)} is in no path or row; correct it, or set it to null"
        raise UnfitSetting("subject", text)
    note = (
        f"{count(len(filled) - unknown, 'image')} of {count(len(known), 'subject')} ({show(how, 60)}); those of one "
        "subject stay in one split"
    )
    return filled, f"{note}; {count(unknown, 'image')} without a subject" if unknown else note
