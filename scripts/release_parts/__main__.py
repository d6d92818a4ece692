"""Make a release, in the order in which it is done (docs/operate/upgrades.md tells the whole).

    scripts/release notes 0.2.0           gathers changelog.d/ into CHANGELOG.md
    git commit -a; git tag -a v0.2.0      yours: read the notes first
    scripts/release build v0.2.0          wheel and source archive of that tag, into dist/
    scripts/release build v0.2.0 --keep   and the wheel into tests/releases too

Nothing is fetched, nothing is sent. Ends with 0, or with 2 and one line that says what to do.
"""

from __future__ import annotations

import argparse
import datetime
import sys
from pathlib import Path

from release_parts.build import build, keep
from release_parts.fault import ReleaseFault
from release_parts.notes import gather

ROOT = Path(__file__).resolve().parent.parent.parent
KEPT = Path("tests") / "releases"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/release",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    acts = parser.add_subparsers(dest="act", required=True, metavar="{notes,build}")
    notes = acts.add_parser("notes", help="gather changelog.d/ into CHANGELOG.md")
    notes.add_argument("version")
    notes.add_argument("--day", metavar="YYYY-MM-DD", help="of the release; today, if not given")
    made = acts.add_parser("build", help="build the wheel and the source archive of a tag")
    made.add_argument("tag")
    made.add_argument("-o", "--output", type=Path, default=ROOT / "dist", metavar="FOLDER")
    made.add_argument("--keep", action="store_true", help=f"put the wheel into {KEPT} too")
    return parser


def main(arguments: list[str], root: Path = ROOT) -> int:
    """Do what the arguments say in the repository at `root`; say what was done."""
    options = _parser().parse_args(arguments)
    try:
        if options.act == "notes":
            day = options.day or datetime.datetime.now(datetime.UTC).date().isoformat()
            count = gather(root, options.version, day)
            print(f"release: {count} entries of changelog.d are in CHANGELOG.md, {options.version}")
            print(f"release: read it, commit it, then: git tag -a v{options.version}")
            return 0
        made = build(root, options.tag, options.output)
        print(f"release: {made.tag} is commit {made.commit}; built twice, the same bytes")
        for name, value in sorted(made.hashes.items()):
            size = (options.output / name).stat().st_size
            print(f"release: {name}  {size} bytes  sha256 {value}")
        print(f"release: files and release.toml are in {options.output}")
        if options.keep:
            print(f"release: {keep(made, options.output, root / KEPT)} is kept in {KEPT}")
    except ReleaseFault as fault:
        print(fault, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
