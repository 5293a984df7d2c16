"""The commands for scripts: one line on stdout, beside a server or without one."""

from __future__ import annotations

import pytest

from orqstudio.lib import embedded_postgres, ids

pytestmark = pytest.mark.slow


def test_a_key_made_beside_a_running_server_works_at_once(installation):
    with installation.serve() as server:
        workspace = installation.run("create_workspace", "beside")
        key = installation.run(
            "create_api_key", "--workspace", "beside", "--name", "script"
        )

        assert ids.parse(workspace.stdout.removesuffix("\n"))
        assert key.stdout.count("\n") == 1
        assert key.stderr == ""
        assert server.call(token=key.stdout.strip())[0] == 200


def test_commands_without_a_server_start_and_stop_the_database(installation):
    workspace = installation.run("create_workspace", "early")
    key = installation.run("create_api_key", "--workspace", "early")

    assert ids.parse(workspace.stdout.removesuffix("\n"))
    assert key.stdout.startswith("sk-orq-")
    assert not embedded_postgres.is_running(installation.data_dir)
    with installation.serve() as server:
        assert server.call(token=key.stdout.strip())[0] == 200


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("create_workspace", "early"), "A workspace named early exists already."),
        (("create_workspace", "no slug"), "Enter a valid “slug”"),
        (("create_workspace", "x" * 61), "A slug has at most 60 characters."),
        (("create_api_key", "--workspace", "none"), "There is no workspace 'none'."),
    ],
)
def test_a_command_that_cannot_prints_one_sentence(early, arguments, sentence):
    done = early.run(*arguments)

    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith(sentence)
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.fixture
def early(installation):
    """An installation with a workspace `early`."""
    installation.run("create_workspace", "early")
    return installation
