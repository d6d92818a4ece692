"""Heads of snapshots: believed by what is certified from genesis on, and by nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from govchaind.base.errors import InvalidProof
from govchaind.ledger.certificate import Certificate
from govchaind.ledger.snapshot_head import Standing, encode_step, judge_head, make_head
from govchaind.ledger.trust import ConfigurationBlock
from tests.ledger.recovering import steps_over, went_on
from tests.ledger.snapshots import head_of, steps_of
from tests.replica.test_joining import checkpoint, long_chain


def test_a_head_is_believed_by_the_membership_that_genesis_leads_to() -> None:
    chain = long_chain(50)
    height = checkpoint(chain)
    raw, steps = head_of(chain, height), steps_of(chain, height)
    standing = Standing(chain.genesis)
    with pytest.raises(InvalidProof):
        judge_head(raw, standing)  # the validators have changed since genesis
    for step in steps:
        standing.take(step)
    assert judge_head(raw, standing).height == height
    with pytest.raises(InvalidProof, match="already believed"):
        standing.take(steps[0])
    lone = chain.certificate(11, "node-b", "node-c", "node-d").signatures[:1]
    few = Certificate(chain.step(11).applied.statement, lone)
    block = chain.step(11).block
    forged = encode_step(ConfigurationBlock(block.header, standing.membership.encode(), few))
    with pytest.raises(InvalidProof):
        Standing(chain.genesis).take(forged)  # no quorum of the membership before it


def test_every_bit_of_a_head_matters() -> None:
    chain = long_chain(50)
    height = checkpoint(chain)
    raw, standing = head_of(chain, height), Standing(chain.genesis)
    for step in steps_of(chain, height):
        standing.take(step)
    for at in range(0, len(raw), max(1, len(raw) // 200)):
        wrong = raw[:at] + bytes((raw[at] ^ 1,)) + raw[at + 1 :]
        with pytest.raises(Exception, match=r".") as caught:
            judge_head(wrong, standing)
        assert caught.type.__module__ == "govchaind.base.errors"


def test_a_snapshot_over_a_recovery_is_believed_by_the_institutions_record() -> None:
    chain, made, _ = went_on()
    [over, *_] = steps_over(chain, made, chain.trust())
    assert (over.header, over.membership) != (None, None)
    block = ConfigurationBlock(
        over.header or b"", over.membership or b"", over.certificate, over.recovery
    )
    standing = Standing(chain.genesis)
    standing.take(encode_step(block))
    [step] = standing.steps
    assert (step.height, standing.membership) == (made.body.height, made.body.membership)
    assert step.recovery == made.encode()
    with pytest.raises(InvalidProof):
        Standing(chain.genesis).take(encode_step(replace(block, recovery=None)))


def test_a_head_whose_signers_are_a_quorum_of_an_older_membership_too_names_the_newer() -> None:
    chain = long_chain(50)
    height = checkpoint(chain)
    raw, (first, second) = head_of(chain, height), steps_of(chain, height)
    standing = Standing(chain.genesis)
    standing.take(first)
    with pytest.raises(InvalidProof, match="names another membership"):
        judge_head(raw, standing)  # node-b, node-c and node-d are three of its four
    standing.take(second)
    assert judge_head(raw, standing).height == height


def test_a_head_from_before_the_last_change_is_not_judged_by_those_after_it() -> None:
    chain = long_chain(50)
    before = max(
        step.block.height
        for step in chain.steps
        if step.applied.state_root is not None and step.block.height < 9
    )
    standing = Standing(chain.genesis)
    for step in steps_of(chain, checkpoint(chain)):
        standing.take(step)
    certificate = chain.certificate(before, "node-b", "node-c")  # a quorum then and now
    raw = make_head(chain.store, before, chain.step(before).block.raw, certificate)
    with pytest.raises(InvalidProof, match="not above the last change"):
        judge_head(raw, standing)
