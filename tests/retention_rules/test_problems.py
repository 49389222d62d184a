"""Every problem of a policy at once, with file, line, what is wrong and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest
from policy_texts import HEAD, PURPOSE, load, only, problems

from retention_rules.loading import PolicyInvalid, load_policy
from retention_rules.purposes import Basis


class TestProblems:
    def test_five_different_mistakes_are_five_problems(self, tmp_path: Path) -> None:
        text = (
            HEAD
            + """\
purposes:
  one:
    basis: contrat
    source: Terms §1
    keeps: [identity]
    after: contract_end
    then: anonymise
  two:
    basis: contract
    keeps: [identity]
    after: contract_end
    then: anonymise
  three:
    basis: contract
    source: Terms §3
    keeps: [identity]
    after: contrat_end
    then: anonymise
  four:
    basis: law
    source: Terms §4
    keeps: [identity]
    after: collected
    for: 0 years
    then: anonymise
  five:
    basis: consent
    source: Terms §5
    keeps: [identity]
    when: flag adn amount
    after: collected
    then: anonymise
"""
        )
        assert problems(tmp_path, text) == [
            (
                "shop.yaml",
                14,
                "purpose `one`: `contrat` is no value of `basis`",
                "Did you mean `contract`? Otherwise use one of " + ", ".join(Basis),
            ),
            (
                "shop.yaml",
                19,
                "purpose `two`: `source` is missing",
                'Cite the article, clause or paragraph that it comes from, such as `source: "Code civil 2224"`',
            ),
            (
                "shop.yaml",
                28,
                "there is no event `contrat_end`",
                "Did you mean `contract_end`? Otherwise declare it under `events`: end, point",
            ),
            (
                "shop.yaml",
                35,
                "purpose `four`: `for`: a period cannot be zero: leave `for` out if the purpose ends with its event",
                "Correct `for`",
            ),
            (
                "shop.yaml",
                41,
                "purpose `five`: `when`: `and` or `or` expected, but found `adn`, at character 6 of `flag adn amount`",
                "Correct `when`",
            ),
        ]

    def test_they_are_told_on_one_line_each(self, tmp_path: Path) -> None:
        with pytest.raises(PolicyInvalid) as caught:
            load(tmp_path, HEAD + PURPOSE.replace("basis: contract", "basis: contrat") + "colour: red\n")
        lines = str(caught.value).splitlines()
        assert [line.partition("shop.yaml:")[2].split(":")[0] for line in lines] == ["14", "19"]

    @pytest.mark.parametrize(
        ("before", "after", "line", "what", "remedy"),
        [
            ("    basis: contract\n", "", 13, "purpose `running`: `basis` is missing", "Say on what it rests"),
            ("source: Terms §1", "source: ' '", 15, "`source`: a text is expected", "Fill it in"),
            ("source: Terms §1", "source:", 15, "`source`: a text is expected", "Fill it in"),
            ("[identity]", "[]", 16, "`keeps` must be a list with at least one name", "Write `keeps: [one"),
            ("[identity]", "identity", 16, "`keeps` must be a list", "Write `keeps"),
            ("[identity]", "[identty]", 16, "there is no category or group `identty`", "Did you mean `identity`?"),
            ("[identity]", "[card.pan]", 16, "no category or group `card.pan`", "Declare it under `categories`"),
            (
                "[identity]",
                "[Identity]",
                16,
                "`Identity` is no category or group",
                "Write it like `user.contact.email`",
            ),
            (
                "after: contract_end",
                "after: [contract_end]",
                17,
                "`after`: this is no starting point",
                "Write an event",
            ),
            ("after: contract_end", "after: {latest: []}", 17, "`after`: this is no starting point", "Write an event"),
            (
                "after: contract_end",
                "after: {first: [collected]}",
                17,
                "`after`: this is no starting point",
                "Write an event",
            ),
            ("    after: contract_end\n", "", 13, "`after` is missing", "Name the event"),
            ("then: anonymise", "then: destroy", 18, "`destroy` is no value of `then`", "Use one of anonymise, delete"),
            ("then:", "for: -1 years\n    then:", 18, "is no period", "Correct"),
            ("then:", "for: P0Y\n    then:", 18, "a period cannot be zero: leave `for` out", "Correct"),
            ("then:", "for: forever\n    then:", 18, "there is no term `forever`", "Declare it under"),
            ("then:", "for: 1000 years\n    then:", 18, "has no end in practice", "Correct"),
            ("then:", "for: []\n    then:", 18, "`for`: the list is empty", "Give a period"),
            ("then:", "for: {a: b}\n    then:", 18, "a text is expected", "Fill it in"),
            ("then:", "for: [1 year, 2 years]\n    then:", 18, "only the last period", "What follows"),
            ("then:", "for: [1 year when flag]\n    then:", 18, "the period has no bound", "End the list with"),
            ("then:", "for: [1 year when flga, 2 years]\n    then:", 18, "there is no fact `flga`", "mean `flag`?"),
            ("then:", "when: [flag]\n    then:", 18, "a condition is one line of text", "Write it like"),
            ("then:", "when: amount\n    then:", 18, "`amount` is not a boolean", "Compare numbers"),
            ("then:", "when: flag > 3\n    then:", 18, "`flag` is not a number", "use booleans"),
            ("then:", "when: collected\n    then:", 18, "`collected` is an event", "Write `collected is known`"),
            ("then:", "when: collected > 3\n    then:", 18, "`collected` is an event", "Write"),
            ("then:", "when: flag is open\n    then:", 18, "there is no event `flag`", "Declare it"),
            (
                "then:",
                "ended_by: collected\n    then:",
                18,
                "no request of a person's ends what rests on contract",
                "An",
            ),
            ("then:", "ended_by: colected\n    then:", 18, "there is no event `colected`", "mean `collected`?"),
            (
                "then:",
                "unless: flag\n    then:",
                18,
                "`unless` is no key here",
                "Use one of after, basis, ended_by, for",
            ),
            ("running:", "Running:", 13, "`Running` is no name", "Use small letters"),
            ("Europe/Paris", "Europe/Lutetia", 3, "there is no time zone `Europe/Lutetia`", "Use a name such as"),
            ("Europe/Paris", "../etc", 3, "there is no time zone `../etc`", "Use a name such as"),
            ("time_zone: Europe/Paris\n", "", 1, "`time_zone` is missing", "Name the controller's"),
            ("controller: SHOP\n", "", 1, "`controller` is missing", "Write `controller: name`"),
            ("controller: SHOP\n", "controller:\n", 1, "`controller` is missing", "Write"),
            ("policy: shop\n", "", 1, "`policy` is missing", "Write `policy: name`"),
            ("contract_end: end", "contract_end: ende", 7, "`ende` is no value of `events.contract_end`", "`end`?"),
            ("groups:\n", "groups:\n  all: [identity]\n", 5, "group `all` holds the group", "List the categories"),
            ("groups:\n", "groups:\n  all: [cart]\n", 5, "no category or group `cart`", "Declare it"),
            ("groups:\n", "categories: {identity: Who}\ngroups:\n", 6, "`identity` is already one of the", "another"),
            ("flag: boolean", "flag: boolean\n  collected: number", 11, "already one of the events", "another name"),
            (
                "supplied:\n",
                "supplied:\n  flag: boolean\n",
                11,
                "`flag` is written twice; the first is on line 10",
                "Keep",
            ),
            ("events:\n", "never_held: [cvv]\nevents:\n", 6, "no category or group `cvv`", "Declare it"),
            ("events:\n", "facts: {busy: not busy}\nevents:\n", 6, "the fact `busy` is defined by itself", "Break"),
            ("events:\n", "facts: {busy: idle}\nevents:\n", 6, "there is no fact `idle`", "Define it under `facts`"),
            ("events:\n", "facts: {busy: (flag}\nevents:\n", 6, "`facts.busy`: `)` expected", "Correct"),
            (
                "events:\n",
                "terms: {long: a while}\nevents:\n",
                6,
                "`terms.long.default`: 'a while' is no period",
                "Correct",
            ),
            ("events:\n", "include: [law_de]\nevents:\n", 6, "no policy `law_de` to include", "mean `law_fr`?"),
            ("events:\n", "include: law_fr\nevents:\n", 6, "`include` must be a list", "Write `include: [one"),
            ("events:\n", "include: [shop]\nevents:\n", 6, "`shop` includes itself", "Remove one"),
            ("supplied:\n", "supplied: nothing\nsubplied:\n", 10, "`subplied` is no key here", "`supplied`?"),
        ],
    )
    def test_each_says_where_what_and_what_to_do(
        self, tmp_path: Path, before: str, after: str, line: int, what: str, remedy: str
    ) -> None:
        text = HEAD + PURPOSE
        assert before in text
        found = problems(tmp_path, text.replace(before, after, 1))
        assert any(at == line and what in said and remedy in cure for _, at, said, cure in found), found

    def test_a_broken_definition_is_blamed_once_and_not_at_each_use(self, tmp_path: Path) -> None:
        text = HEAD.replace("contract_end: end", "contract_end: never") + PURPOSE
        assert only(tmp_path, text)[0] == 7
        text = HEAD + "terms: {long: a while}\n" + PURPOSE.replace("then:", "for: long\n    then:")
        assert only(tmp_path, text)[0] == 12

    def test_a_condition_cannot_be_compared(self, tmp_path: Path) -> None:
        text = HEAD + "facts: {busy: flag}\n" + PURPOSE.replace("then:", "when: busy > 3\n    then:")
        assert only(tmp_path, text)[:2] == (19, "`busy` is a condition and cannot be compared")

    def test_facts_may_build_on_each_other_but_not_in_a_circle(self, tmp_path: Path) -> None:
        text = HEAD + "facts: {a: b and flag, b: c or flag, c: not a, d: a}\n" + PURPOSE
        assert [what for *_, what, _ in problems(tmp_path, text)] == [
            f"the fact `{name}` is defined by itself" for name in "abc"
        ]
        assert set(load(tmp_path, HEAD + "facts: {a: b and flag, b: not flag}\n" + PURPOSE).facts) == {"a", "b"}

    def test_two_purposes_that_say_the_same_are_one_too_many(self, tmp_path: Path) -> None:
        again = (
            PURPOSE.removeprefix("purposes:\n")
            .replace("running", "again")
            .replace("[identity]", "[user.contact, user.name]")
        )
        line, what, _ = only(tmp_path, HEAD + PURPOSE + again)
        assert (line, what.split(" have")[0]) == (19, "`again` and `running`")

    def test_a_policy_without_purposes_is_refused(self, tmp_path: Path) -> None:
        assert only(tmp_path, HEAD)[1] == "no purpose is defined"
        assert only(tmp_path, HEAD + "purposes: {}\n")[1] == "no purpose is defined"

    def test_a_purpose_must_be_a_mapping(self, tmp_path: Path) -> None:
        found = problems(tmp_path, HEAD + "purposes:\n  running: yes\n")
        assert (13, "`purposes.running` must be a mapping") in [(line, what) for _, line, what, _ in found]

    def test_a_problem_in_an_included_file_names_that_file(self, tmp_path: Path) -> None:
        base = HEAD.replace("shop", "base") + PURPOSE.replace("basis: contract", "basis: contrat")
        found = problems(tmp_path, "policy: shop\ncontroller: SHOP\ninclude: [base]\n", base=base)
        assert [(name, line) for name, line, *_ in found] == [("base.yaml", 14)]

    def test_a_circle_of_includes_is_found(self, tmp_path: Path) -> None:
        base = HEAD.replace("shop", "base") + PURPOSE + "include: [shop]\n"
        found = problems(tmp_path, "policy: shop\ncontroller: SHOP\ninclude: [base]\n", base=base)
        assert found == [("base.yaml", 19, "`shop` includes itself", "Remove one of the includes of the circle")]

    def test_an_event_cannot_change_its_kind(self, tmp_path: Path) -> None:
        text = "policy: shop\ncontroller: SHOP\ninclude: [base]\nevents: {collected: end}\n"
        line, what, _ = only(tmp_path, text, base=HEAD.replace("shop", "base") + PURPOSE)
        assert (line, what) == (4, "`collected` is point where it is included from")


def test_a_purpose_that_does_not_fit_is_still_asked_what_it_names(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(
        "policy: p\ncontroller: C\ntime_zone: UTC\nevents: {contract_end: end}\npurposes:\n"
        "  a:\n    keeps: [usr, 3]\n    after: contract_endd\n    then: delete\n"
        "  b:\n    basis: contract\n    keeps: user\n"
        "    after: {latest: [contract_end, nowhere, 4]}\n    then: delete\n"
    )

    with pytest.raises(PolicyInvalid) as caught:
        load_policy("p", [tmp_path])

    said = "\n".join(map(str, caught.value.problems))
    for name in ("no category or group `usr`", "no event `contract_endd`", "no event `nowhere`", "`basis`", "`source`"):
        assert name in said, (name, said)
