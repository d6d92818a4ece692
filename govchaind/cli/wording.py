"""What was said in English, said in the language of the running command."""

from __future__ import annotations

from govchaind.cli.language import Language, language


def worded(text: str, wanted: Language | None = None) -> str:
    """Return a finished sentence, or part of one, in the command's language or in `wanted`.

    In English nothing is looked up and nothing is read.
    """
    if (wanted or language()) == "en":
        return text
    from govchaind.api.wording import in_chinese

    return in_chinese(text)
