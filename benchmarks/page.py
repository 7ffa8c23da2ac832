"""The page: docs/benchmarks.md, made from the results and from nothing else."""

from collections.abc import Iterable, Sequence

from benchmarks.figures import Results, Row, Section, Verdict

_HEAD = """\
# How fast it is

The safe way is also the fast way, and this page is where that is measured. It is written by `make bench`; the figures
are kept in `benchmarks/results/full.json`, and every run says what has become slower than these by more than the
spread.

Every contestant runs in a process of its own, lap by lap in turn with its rivals on the same machine, and the figures
are medians with the range of the laps behind them. Absolute figures belong to this machine; the ratios say more. Writes
are majority writes with journal everywhere, on a replica set of one node: where a majority is three machines
apart, whatever makes one round trip per contact loses more.
"""
_LIMITS = """\
## What keeps a yardstick from its bar

The same machine is up to 1.6 times slower on some days than on others, rivals included, and a yardstick near its bar
is met on one and missed on the next. Where one is missed, or a stretch is out of reach, this is what stands in the way:

- **P1 and P2, claims**: a batch is one covered look, one guarded update of a thousand documents, and what the driver
  makes of the candidates in Python. The limit beside it is that update alone, and the database spends most of a batch
  in it: taking a document's key out of the claim index and putting one into the index of those in flight is what a
  claim is. P1's stretch asks fifty times of a loop that has the same journal to wait for once per contact, and comes
  within reach as lists grow.
- **P5, eight claimers**: they share two cores with the database, and one claimer with its database already fills more
  than one. Between 0.46 and 0.54 over the days.
- **P6, lines in use**: a thousand keys are counted, at 1.2 µs each, and the rival reads one. It stays flat, and between
  2.7 and 3.3 times the rival over the days. Keys of one value only would be counted without a look at each, at 0.6 µs
  (twice the rival): that needs another field which says that a line is booked, kept beside the state by every move.
- **P7, the start**: its stretch would be some 490 ms, and the runtime's boto3 alone takes 438 of the 740 measured.
- **P8, bytecode**: it can only save what the layers start with. boto3 comes with the runtime, and was 438 ms of 740
  when its row was first measured: what is left of both starts is 302 ms against 1,120, a ratio of 0.27.
- **P9, fan-out**: one thread at a time runs Python, and a request is 1.1 ms of its processor time: a quarter of it is
  the signature, half urllib3 and the socket, our own messages a twelfth. So no number of threads sends more than 900
  requests a second.
- **P11, webhooks in order**: ours waits for one journal write, and at a call's end for a look before it; the rival for
  two writes and two looks. The limit stands beside it: one field set by id for each webhook and nothing else is 2.6 to
  2.7 times the rival, and three times with eight calls at once, where two cores are what both wait for. What ours does
  more costs 0.7 ms in the median (2.85 against 2.15, 300 of each side by side): 0.3 for the copy of the contact that
  the database keeps, so that a request which the driver repeats after a cut gets the same answer; 0.15 for telling whom
  it moved, and how else they stand; the rest for the guard and all that it sets. Without the guard somebody could be
  moved back, without the copy a repeated request would call its own news a repetition, and without the telling every
  repeated webhook takes a look of its own: twice and shuffled would be 2.1 times.
- **P12, the tick**: the same requests again, beside MiniStack's and the database's work on the same two cores.
"""
_TRIED = """\
## What was tried

Kept, because it pays:

- **Each batch begins behind the one before.** Keys that have just been claimed stay in the index's pages for five
  minutes, and a query from the front walks past them: see the drain above.
- **The claim index carries phone and region**, and **a batch whose update says that all of it was won is not read
  back.** The reply is the proof; a lost reply, or one that says less, is read back by the claim's token.
- **The call function without a validating library and without guesses at encodings**, with the queue's client made when
  it is needed: 160 ms of its start.
- **A verdict is judged once for all who share country and suppression.** Reading a time zone takes longer than a claim.
- **A webhook's guard within its update, by the id alone**: one request moves whom it may, and tells how everybody else
  stands. Twice and shuffled that was 553 webhooks a second in place of 383 side by side, in order 299 in place of 291.
- **A look for anybody due before slots are reserved**: two majority writes fewer for every idle campaign.
- **Call messages signed by botocore and carried by urllib3, without the client around them**: 1.1 ms of processor time
  a request in place of 2.3. What is not answered plainly, the client sends again.
- **As many connections to the queue as threads that use them, no parameter validation, a fixed name of the client**: a
  sixth of the processor time of each request.
- **Two partial indexes, of the lines in use and of the settled.** One index of every state would do for all counts, but
  then each count of the lines in use walks past the deleted keys of those who were waiting: ten times slower after
  100,000 had been claimed.

Dropped:

- **Raw BSON on the read path**: a candidate's five fields are all needed, and reading them from raw documents took 1.7
  times as long as decoding.
- **Sending one batch while the next is claimed**: within the spread here (7 laps of each), where the tick's own Python
  is the limit. Another thread in the part that must be simple was not worth it.
- **Choosing the next batch while this one is claimed**: a tenth more claims a second (9,000 in place of 8,170, 7 laps
  of each). Of a whole tick the looks are a thirtieth: not worth another thread.
- **Remembering the place across ticks**: whoever has come to the front since must go first, so a tick has to look at
  the front anyway; it walks past deleted keys once, in its first batch.
- **Several claimers on one campaign**: they get in each other's way, as the eight above do.
"""
_PICTURE = "\n![Claims per second against the size of the campaign](claims.svg)\n"


def written(results: Results) -> str:
    parts = [_HEAD, _machine(results), _yardsticks(results.sections.values()), _PICTURE]
    return "\n".join([*parts, *(section(one) for one in results.sections.values()), _LIMITS, _TRIED]).rstrip() + "\n"


def quoted(results: Results) -> str:
    """The three figures a user cares about, for the README; those that have been measured."""
    said = (_said_of_claims(results), _said_of_size(results), _said_of_the_tick(results))
    return "".join(f"- {sentence}\n" for sentence in said if sentence)


def _said_of_claims(results: Results) -> str:
    ours, loop = _claims(results, "ours", "1M"), _claims(results, "find_one_and_update per contact", "1M")
    if ours is None or loop is None:
        return ""
    times = f"{ours.median / loop.median:.0f}"
    return (
        f"**{number(ours.median)} contacts claimed a second** from a list of a million, {times} times what one "
        f"`find_one_and_update` per contact does beside it ({number(loop.median)}); {_on(results)}."
    )


def _on(results: Results) -> str:
    """The conditions of all three, said once."""
    return f"on {results.machine['cores']} cores that the database shares, majority writes on a replica set of one node"


def _said_of_size(results: Results) -> str:
    small, huge = _claims(results, "ours", "10k"), _claims(results, "ours", "10M")
    if small is None or huge is None:
        return ""
    return (
        f"**As fast at any size**: {number(small.median)} a second from ten thousand contacts, {number(huge.median)} "
        f"from ten million, in {huge.peak_mb or 0:.0f} MB of memory."
    )


def _said_of_the_tick(results: Results) -> str:
    section = results.sections.get("tick")
    if section is None:
        return ""
    rate = number(section.rows[0].median)
    return (
        f"**{rate} contacts dispatched a second** by one tick: claimed, checked, and sent to the queue, which is "
        "emulated on the same cores."
    )


def _claims(results: Results, what: str, size: str) -> Row | None:
    section = results.sections.get("claims")
    return next((row for row in section.rows if (row.what, row.size) == (what, size)), None) if section else None


def section(one: Section) -> str:
    remarks = "".join(f"- {remark}\n" for remark in one.remarks)
    verdicts = "".join(f"- {_sentence(verdict)}\n" for verdict in one.verdicts)
    command = f"`make bench-{one.key}`, {one.date}"
    return f"## {one.title}\n\n{one.text}\n\n{_table(one.rows)}\n{verdicts}{remarks}\n{command}\n"


def _machine(results: Results) -> str:
    said = results.machine
    return (
        f"Machine: {said['cores']} cores, {said['memory']} of memory, {said['system']}, "
        f"mongod {said['mongod']}, Python {said['python']}.\n"
    )


def _yardsticks(sections: Iterable[Section]) -> str:
    lines = ["| yardstick | what | measured | bar | stretch | |", "|---|---|---|---|---|---|"]
    for verdict in sorted((one for each in sections for one in each.verdicts), key=_order):
        stretch = "" if verdict.stretch is None else f"{_sign(verdict)} {number(verdict.stretch)}{verdict.unit}"
        lines.append(
            f"| {verdict.yardstick} | {verdict.what} | {number(verdict.value)}{verdict.unit} "
            f"| {_sign(verdict)} {number(verdict.bar)}{verdict.unit} | {stretch} | {verdict.said} |"
        )
    return "\n".join(["## Yardsticks\n", *lines, ""])


def _order(verdict: Verdict) -> int:
    return int(verdict.yardstick.lstrip("P"))


def _sentence(verdict: Verdict) -> str:
    stretch = "" if verdict.stretch is None else f", stretch {_sign(verdict)} {number(verdict.stretch)}"
    return (
        f"**{verdict.yardstick}** {verdict.what}: **{number(verdict.value)}{verdict.unit}** "
        f"(bar {_sign(verdict)} {number(verdict.bar)}{stretch}): {verdict.said}"
    )


def _sign(verdict: Verdict) -> str:
    return "≥" if verdict.higher_is_better else "≤"


def _table(rows: Sequence[Row]) -> str:
    if not rows:
        return ""
    sized, remembered, noted = any(r.size for r in rows), any(r.peak_mb for r in rows), any(r.note for r in rows)
    head = ["what", *(["size"] if sized else []), "median", "lowest and highest of the laps", "laps"]
    head += [*(["peak memory"] if remembered else []), *([""] if noted else [])]
    lines = [head, ["---"] * len(head)]
    for row in rows:
        cells = [row.what, *([row.size] if sized else []), f"{number(row.median)} {row.unit}"]
        cells += [f"{number(min(row.laps))}–{number(max(row.laps))}", str(len(row.laps))]
        cells += [f"{row.peak_mb:.0f} MB" if row.peak_mb else ""] if remembered else []
        cells += [row.note] if noted else []
        lines.append(cells)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"


def number(value: float) -> str:
    """Three figures are enough: 18,300; 0.75; 4.12."""
    if value == 0 or abs(value) >= 100:
        return f"{float(f'{value:.3g}'):,.0f}"
    return f"{value:.3g}"


def sized(count: int) -> str:
    """10,000 contacts as a reader says it."""
    for unit, name in ((1_000_000, "M"), (1_000, "k")):
        if count >= unit and count % unit == 0:
            return f"{count // unit}{name}"
    return str(count)
