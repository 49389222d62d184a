"""Files that are no policy are refused with the line, and a name that nobody has with the nearest that somebody has."""

from __future__ import annotations

from pathlib import Path

import pytest
from policy_texts import problems

from retention_rules.loading import PolicyInvalid, Problem, load_policy


class TestFilesThatAreNoPolicy:
    @pytest.mark.parametrize(
        ("text", "line", "what"),
        [
            ("", 1, "the file is no mapping"),
            ("- a\n- b\n", 1, "the file is no mapping"),
            ("just text", 1, "the file is no mapping"),
            ("a: 1\nb: [1, 2\nc: 3\n", 3, "this is no YAML"),
            ("a: 1\n\tb: 2\n", 2, "this is no YAML"),
            ("a: \x07", 1, "this is no YAML: a character that YAML does not allow"),
            ("a: 1\n---\nb: 2\n", 2, "this is no YAML"),
            ("groups: &a\n  x: *a\n", 2, "an alias contains itself"),
            ("? [a, b]\n: c\n", 1, "`?` is no key here"),
        ],
    )
    def test_are_refused_with_the_line(self, tmp_path: Path, text: str, line: int, what: str) -> None:
        found = problems(tmp_path, text)
        assert any(at == line and what in said for _, at, said, _ in found), found

    def test_bytes_that_are_no_text(self, tmp_path: Path) -> None:
        path = tmp_path / "shop.yaml"
        path.write_bytes(b"policy: \xff\xfe")
        with pytest.raises(PolicyInvalid, match="the file is not UTF-8 text"):
            load_policy(path)

    def test_a_file_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(PolicyInvalid, match="the file cannot be read: No such file"):
            load_policy(tmp_path / "nowhere.yaml")

    def test_a_name_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(PolicyInvalid) as caught:
            load_policy("julian", [tmp_path])
        (problem,) = caught.value.problems
        assert isinstance(problem, Problem)
        assert problem.remedy.startswith("Did you mean `julien`?")
