"""A computer that install.sh runs on: a folder in place of /, real sh, openssl and curl, and a Docker that writes down its words."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

from hub.enrolling import key_pem, new_key

DOCKER = """#!/bin/sh
# Writes down every call, one word a line, and remembers containers by their label.
state=${0%/*}/../docker
mkdir -p "$state/containers"
{ printf '%s\\n' "$@"; echo .; } >>"$state/calls"
case "$1 ${2-}" in
  'container inspect')
    for name; do :; done
    [ -e "$state/containers/$name" ] || exit 1
    if [ "$3" = --format ]; then cat "$state/containers/$name"; fi
    ;;
  'run --detach') echo "${6#rung.hub=}" >"$state/containers/$4" ;;
  'rm --force') rm "$state/containers/$3" ;;
  'volume inspect' | 'image inspect') exit 1 ;;
  pull*) [ ! -e "$state/no-images" ] ;;
esac
"""


class Computer:
    """A computer that is to be an orchestrator: a folder in place of /, and the programs that it has."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "root"
        self.keep = self.root / "var/lib/rung-orchestrator"
        self.programs = folder / "programs"
        self.docker = folder / "docker"
        self.root.mkdir()
        self.programs.mkdir()
        needed = "sh openssl curl uname cat chmod grep head mkdir mv rm sed tr"
        for name in needed.split():
            found = shutil.which(name)
            assert found is not None, f"{name} is needed for this test"
            (self.programs / name).symlink_to(found)
        self.program("docker", DOCKER)
        self.program("id", "#!/bin/sh\necho 0\n")
        self.program("sudo", '#!/bin/sh\nexec "$@"\n')
        self.program("systemctl", f'#!/bin/sh\necho "$@" >>"{folder}/systemctl"\n')
        self.systemctl = folder / "systemctl"

    def program(self, name: str, text: str) -> None:
        path = self.programs / name
        path.write_text(text)
        path.chmod(0o755)

    def ready_key(self) -> None:
        """Put a key where the script looks for one, for it takes seconds to make one."""
        self.keep.mkdir(parents=True, exist_ok=True)
        (self.keep / "client.key").write_bytes(key_pem(new_key()))

    async def run(self, *words: str, script: str | None = None, **environment: str) -> tuple[int, str]:
        """Exit code and all that was printed."""
        process = await asyncio.create_subprocess_exec(
            *words,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={"PATH": str(self.programs), "RUNG_ROOT": str(self.root), "HOME": str(self.root), **environment},
        )
        printed, _ = await asyncio.wait_for(process.communicate((script or "").encode()), 60)
        assert process.returncode is not None
        return process.returncode, printed.decode()

    async def install(self, text: str, *words: str) -> tuple[int, str]:
        """Run a fetched script as `curl … | sudo sh -s -- WORDS` does."""
        return await self.run("sh", "-s", "--", *words, script=text)

    def calls(self) -> list[list[str]]:
        """What Docker was asked for, in order, without questions about what there is."""
        if not (self.docker / "calls").exists():
            return []
        calls = [call.split("\n") for call in (self.docker / "calls").read_text().split("\n.\n")[:-1]]
        return [call for call in calls if call[0] != "version" and call[1:2] != ["inspect"]]

    def container(self, name: str, label: str) -> None:
        """A container that somebody has made."""
        (self.docker / "containers").mkdir(parents=True, exist_ok=True)
        (self.docker / "containers" / name).write_text(f"{label}\n")

    def containers(self) -> set[str]:
        return {path.name for path in (self.docker / "containers").iterdir()}
