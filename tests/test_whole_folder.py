from __future__ import annotations

from pathlib import Path

import pytest

from raycal.store.atomic import atomic_folder


def write(folder: Path, text: str) -> None:
    with atomic_folder(folder) as aside:
        (aside / "file").write_text(text)


def test_a_folder_appears_when_it_is_whole(tmp_path: Path) -> None:
    folder = tmp_path / "parent" / "name"
    with atomic_folder(folder) as aside:
        (aside / "file").write_text("text")
        assert not folder.exists()
        assert aside.parent == folder.parent  # else the renaming may be a copy
    assert (folder / "file").read_text() == "text"
    assert list(folder.parent.iterdir()) == [folder]


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_a_failure_leaves_nothing(tmp_path: Path, error: type[BaseException]) -> None:
    def fail() -> None:
        with atomic_folder(tmp_path / "name") as aside:
            (aside / "file").write_text("half")
            raise error

    with pytest.raises(error):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_the_folder_of_a_faster_process_stays(tmp_path: Path) -> None:
    folder = tmp_path / "name"
    with atomic_folder(folder) as aside:
        write(folder, "first")
        (aside / "file").write_text("second")
    assert (folder / "file").read_text() == "first"
    assert list(tmp_path.iterdir()) == [folder]


def test_what_is_no_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "name").touch()
    with pytest.raises(NotADirectoryError):
        write(tmp_path / "name", "text")
    assert list(tmp_path.iterdir()) == [tmp_path / "name"]
