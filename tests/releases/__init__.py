"""The release before this one, as a wheel, and what tests need to run it beside this code.

`scripts/release build TAG --keep` puts it here. The wheel is judged by the hash in `release.toml`,
and that names the commit it was built from; no tag and no network is needed.
"""
