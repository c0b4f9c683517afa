"""Which documents answer a question best."""

from __future__ import annotations

from app.kb.ranking import SNIPPET, rank, snippet

DOCUMENTS = [
    ("cats.md", "The cat sleeps. A cat eats."),
    ("dogs.md", "The dog barks at the cat."),
    ("fish.md", "The fish is silent."),
]


def paths(query: str) -> list[str]:
    return [hit.path for hit in rank(query, DOCUMENTS)]


def test_documents_with_the_word_are_found_the_more_often_the_better() -> None:
    assert paths("cat") == ["cats.md", "dogs.md"]


def test_a_rare_word_counts_more_than_a_common_one() -> None:
    assert paths("the silent")[0] == "fish.md"


def test_case_and_punctuation_do_not_matter() -> None:
    assert paths("SILENT?") == ["fish.md"]


def test_words_of_the_path_count() -> None:
    assert paths("dogs") == ["dogs.md"]


def test_nothing_is_found_for_words_that_nobody_has() -> None:
    assert paths("unicorn") == []
    assert paths("?!") == []


def test_equals_are_in_the_order_of_their_paths() -> None:
    hits = rank("same", [(path, "same") for path in ("b", "a", "c")])
    assert [hit.path for hit in hits] == ["a", "b", "c"]


def test_a_snippet_is_one_short_line_around_the_word() -> None:
    text = "before\n" * 200 + "the needle\nis here " + "after " * 200
    found = snippet(text, {"needle"})
    assert "the needle is here" in found
    assert len(found) <= SNIPPET
    assert "\n" not in found


def test_a_document_found_by_its_path_shows_its_beginning() -> None:
    assert rank("fish", [("fish.md", "It swims.")])[0].snippet == "It swims."
