"""Java programs' jars, from Maven Central into a cache of this user's, each checked by SHA-256.

A `jgo.toml` names what is wanted, the `jgo.lock.toml` beside it every jar.

`jgo` resolves and downloads. Its own configuration names further repositories, or a mirror as
`central` (~/.config/jgo.conf, section `repositories`). A jar gets its name in the cache once its
checksum is right: an interrupted fetch leaves nothing that looks whole, and the next one goes on
where it ended.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from jgo.config import GlobalSettings
from jgo.constants import MAVEN_CENTRAL_URL
from jgo.env import EnvironmentSpec, LockedDependency, LockFile
from jgo.env._lockfile import compute_sha256
from jgo.maven import MavenContext

from devstack.bootstrap import UNTRUSTED, is_untrusted
from devstack.errors import DevstackError

KAFKA = Path(__file__).with_name("jgo.toml")

Progress = Callable[[int, int], None]


def _no_progress(done: int, total: int) -> None:
    """For callers that show none."""


def fetch(spec: Path = KAFKA, progress: Progress = _no_progress) -> list[Path]:
    """The jars of the lock file, downloading those that the cache lacks.

    Args:
        spec: the `jgo.toml`.
        progress: called with the number of jars fetched and to fetch, whenever it changes.

    Raises:
        DevstackError: without a network, or when a jar is not the one that was locked.
    """
    folder = _cache_folder()
    jars = {folder / _filename(jar): jar for jar in LockFile.load(_lock_of(spec)).dependencies}
    missing = [path for path, jar in jars.items() if not _is_whole(path, jar)]
    if missing:
        progress(0, len(missing))
        with (
            tempfile.TemporaryDirectory(dir=folder) as downloads,
            ThreadPoolExecutor(max_workers=8) as pool,
        ):
            context = _context(Path(downloads))
            fetches = [pool.submit(_fetch, context, jars[path], path) for path in missing]
            try:
                for done, future in enumerate(as_completed(fetches), start=1):
                    future.result()
                    progress(done, len(missing))
            except BaseException:
                pool.shutdown(wait=True, cancel_futures=True)
                raise
    return list(jars)


def lock(spec: Path) -> None:
    """Resolves a jgo.toml and writes the jgo.lock.toml beside it."""
    with tempfile.TemporaryDirectory() as downloads:
        context = _context(Path(downloads))
        environment = EnvironmentSpec.load(spec)
        wanted = [context.create_dependency(text) for text in environment.coordinates]
        named, transitive = context.resolver.resolve(wanted)
        used = named + [jar for jar in transitive if jar.scope in ("compile", "runtime")]
        locked = LockFile.from_resolved_dependencies(used, environment_name=environment.name)
        locked.save(_lock_of(spec))


def _fetch(context: MavenContext, jar: LockedDependency, path: Path) -> None:
    artifact = context.project(jar.groupId, jar.artifactId).at_version(jar.version).artifact()
    try:
        download = artifact.resolve()
    # requests raises a bare OSError where REQUESTS_CA_BUNDLE names no file.
    except (OSError, RuntimeError) as error:
        failed = f"{path.name} cannot be fetched from Maven Central"
        if is_untrusted(str(error)):
            raise DevstackError(f"{failed}: {UNTRUSTED}") from error
        raise DevstackError(
            f"{failed} ({type(error).__name__}). "
            "Check the network, then repeat: what is here is kept."
        ) from error
    if compute_sha256(download) != jar.sha256:
        raise DevstackError(
            f"{path.name} is not the file that jgo.lock.toml names: its SHA-256 differs. "
            "Repeat, and if it stays so, do not trust the network or the mirror."
        )
    download.replace(path)


def _context(downloads: Path) -> MavenContext:
    repositories = {"central": MAVEN_CENTRAL_URL, **GlobalSettings.load().repositories}
    return MavenContext(repo_cache=downloads, remote_repos=repositories)


def _lock_of(spec: Path) -> Path:
    return spec.with_name("jgo.lock.toml")


def _is_whole(path: Path, jar: LockedDependency) -> bool:
    return path.exists() and compute_sha256(path) == jar.sha256


def _filename(jar: LockedDependency) -> str:
    return f"{jar.artifactId}-{jar.version}.jar"


def _cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(base) / "notes-platform" / "jars"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DevstackError(
            f"{folder} cannot be made ({error.strerror}): set XDG_CACHE_HOME to a writable folder."
        ) from error
    return folder
