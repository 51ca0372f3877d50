"""Fail when a locked dependency has a known vulnerability. Where the advisories are out of reach, say so and pass."""

import json
import os
import subprocess
import sys

# Advisory -> why it does not concern Mainstay. Empty is best.
ACCEPTED: dict[str, str] = {}
_OUT_OF_REACH = (
    "ConnectionError",
    "Max retries",
    "Name or service not known",
    "Temporary failure",
    "ServiceError",
    "resolve",
)


def main() -> int:
    """Audit the runtime lock file."""
    command = [
        sys.executable,
        "-m",
        "pip_audit",
        "--require-hashes",
        "--disable-pip",
        "-r",
        "requirements.lock",
        "--timeout",
        "10",
    ]
    for advisory in ACCEPTED:
        command += ["--ignore-vuln", advisory]
    done = subprocess.run(
        [*command, "--format", "json"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
    )
    if not done.stdout.startswith("{"):
        if any(sign in done.stderr for sign in _OUT_OF_REACH):
            print("the advisories are out of reach, nothing was audited")
            return 0
        print(done.stderr.strip())
        return done.returncode or 1
    found = json.loads(done.stdout)["dependencies"]
    skipped = [one["name"] for one in found if "skip_reason" in one]
    bad = [one for one in found if one.get("vulns")]
    for one in bad:
        print(f"{one['name']} {one['version']}: {', '.join(vuln['id'] for vuln in one['vulns'])}")
    print(
        f"{len(found) - len(skipped)} dependencies audited, {len(skipped)} unknown to the advisory service, {len(bad)} bad"
    )
    return 1 if bad else 0


if __name__ == "__main__":
    raise SystemExit(main())
