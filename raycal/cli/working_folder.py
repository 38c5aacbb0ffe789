"""The working folder as it goes to a cluster: what git would take, less data and private files, in one archive."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from raycal.errors import RaycalError

# Names of files and folders that stay here whatever git says of them, private ones in lower case. Data and results are
# on storage that all nodes see, and other packages are on the nodes.
_DATA = (
    *("__pycache__", ".*_cache", ".venv", ".hypothesis", "*.egg-info"),
    *("*.whl", "*.parquet", "*.safetensors", "*.gguf"),
)
_DATA_AT_TOP = ("results", "build", "dist")
PRIVATE = (
    *(".env", ".env.*", "*.env", ".envrc", ".secrets", "secrets.y*ml", "secrets.json", "secrets.toml", "secrets.ini"),
    *("credentials", "credentials.json", "credentials.y*ml", "credentials.toml", "credentials.csv"),
    *("client_secret*.json", "service[_-]account*.json"),
    *(".netrc", "_netrc", ".git-credentials", ".pypirc", ".npmrc", ".yarnrc*", ".pgpass", ".my.cnf", ".htpasswd"),
    *(".boto", ".s3cfg", "rclone.conf", "kaggle.json"),
    *(".aws", ".azure", ".gcloud", "gcloud", ".oci", ".kube", "kubeconfig*", "*.kubeconfig", ".docker", ".dockercfg"),
    *(".ssh", ".gnupg", ".ray", ".huggingface", ".kaggle"),
    *("auth_token", ".vault-token", ".*_history"),
    *("id_rsa*", "id_dsa*", "id_ecdsa*", "id_ed25519*", "*.pem", "*.key", "*.p12", "*.pfx", "*.ppk", "*.jks"),
    *("*.keystore", "*.kdbx", "*.gpg", "*.age"),
    *("*.tfstate", "*.tfstate.*", "*.tfvars"),
)
_PRIVATE_KEY = re.compile(rb"-----BEGIN [A-Z0-9 ]*PRIVATE KEY")
_FIRST_DAY = (1980, 1, 1, 0, 0, 0)  # of archives: the same files make the same one, which is sent once


class WorkingFolderError(RaycalError, ValueError):
    """It cannot be told what of a folder goes to a cluster."""


@dataclass(frozen=True)
class WorkingFolder:
    """What of a folder goes to a cluster: files by their names there."""

    files: Mapping[str, Path]
    private: tuple[str, ...]  # names that git would take, and that stay here

    @classmethod
    def of(cls, folder: Path) -> WorkingFolder:
        """The files of a folder. A symbolic link stands for what it points to, if that goes too.

        Raises WorkingFolderError where git is missing or fails.
        """
        root = folder.resolve()
        files: dict[str, Path] = {}
        private: list[str] = []
        links: list[str] = []
        for name in sorted(set(_listed(root))):
            path = root / name
            if _is_data(name) or not _is_portable(name):
                continue
            if _is_private(name):
                private.append(name)
            elif os.path.realpath(path) != str(path):  # a link, or a tracked file of a folder that is one by now
                links.append(name)
            elif path.is_file():
                if _PRIVATE_KEY.match(_start(path)):
                    private.append(name)
                else:
                    files[name] = path
        return cls(files | _linked(root, links, files), tuple(private))

    @property
    def size(self) -> int:
        """The bytes of all files."""
        return sum(path.stat().st_size for path in self.files.values())

    def write(self, archive: Path) -> None:
        """Write the files into a ZIP archive."""
        with ZipFile(archive, "w", ZIP_DEFLATED) as packed:
            for name, path in self.files.items():
                entry = ZipInfo(name, _FIRST_DAY)
                entry.external_attr = (0o755 if os.access(path, os.X_OK) else 0o644) << 16
                packed.writestr(entry, path.read_bytes(), ZIP_DEFLATED)


def _is_private(name: str) -> bool:
    return any(fnmatchcase(part, pattern) for part in PurePosixPath(name.lower()).parts for pattern in PRIVATE)


def _is_data(name: str) -> bool:
    first, *_ = parts = PurePosixPath(name).parts
    return first in _DATA_AT_TOP or any(fnmatchcase(part, pattern) for part in parts for pattern in _DATA)


def _is_portable(name: str) -> bool:
    """Whether a name can stand in an archive as it is."""
    return name.isprintable() and "\\" not in name


def _start(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(64).lstrip()


def _linked(root: Path, links: list[str], files: Mapping[str, Path]) -> dict[str, Path]:
    """What the links of a folder stand for: a file, or the files of a folder, that go to the cluster themselves."""
    linked: dict[str, Path] = {}
    for link in links:
        target = Path(os.path.realpath(root / link))
        if not target.is_relative_to(root) or (root / link).is_relative_to(target):
            continue  # outside, or around itself
        name = target.relative_to(root).as_posix()
        if name in files:
            linked[link] = files[name]
        linked |= {f"{link}{file.removeprefix(name)}": files[file] for file in files if file.startswith(f"{name}/")}
    return linked


def _listed(folder: Path) -> Iterator[str]:
    """The names of tracked files, and of untracked ones that are not ignored; of repositories in the folder too."""
    if _git(folder, "check-ignore", "-q", ".").returncode == 1:  # a repository, which does not ignore the folder
        names = _names(folder)
    else:
        with TemporaryDirectory(prefix="raycal-git-") as aside:
            _git(folder, "init", "-q", aside)
            names = _names(folder, f"--git-dir={aside}/.git", f"--work-tree={folder}")
    for name in names:
        inner = folder / name
        if not inner.is_symlink() and (inner / ".git").exists():
            yield from (f"{name.rstrip('/')}/{file}" for file in _listed(inner))
        else:
            yield name


def _names(folder: Path, *repository: str) -> set[str]:
    both = (*repository, "ls-files", "-z", "--cached", "--others")
    listed = _git(folder, *both, "--exclude-standard")
    left = _git(folder, *both, "--ignored", "--exclude-per-directory=.rayignore")
    if listed.returncode or left.returncode:
        raise WorkingFolderError(f"git cannot say what belongs to {folder}: {(listed.stderr or left.stderr).strip()}")
    return set(filter(None, listed.stdout.split("\0"))) - set(left.stdout.split("\0"))


def _git(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    # A hook's own variables name another repository.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    # A repository's settings may name a program to be run, and one in the folder may be anybody's.
    command = ["git", "-c", "core.fsmonitor=false", "-C", str(folder), *arguments]
    try:
        return subprocess.run(
            command, env=environment, check=False, capture_output=True, encoding="utf-8", errors="surrogateescape"
        )
    except FileNotFoundError as error:
        raise WorkingFolderError("git tells which files go to the cluster: install it") from error
