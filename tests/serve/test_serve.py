"""`manage.py serve` in real processes: first start, refusals, ends, new starts."""

from __future__ import annotations

import signal

import pytest

from orqstudio.lib import embedded_postgres
from tests.serving import Installation, free_port, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.race]


def test_the_first_start_prints_login_and_key_once_and_they_work(installation):
    with installation.serve() as server:
        key = server.shown("API key")
        password = server.shown("Password")

        assert server.url in server.output
        assert server.shown("Login") == "admin"
        assert server.request("GET", "/v2/identities")[0] == 200
        assert server.request("GET", "/v2/identities", token="wrong")[0] == 401
        assert server.call()[0] == 200

    with installation.serve() as server:
        assert key not in server.output
        assert password not in server.output
        assert "Password" not in server.output
        assert server.request("GET", "/v2/identities", token=key)[0] == 200


def test_sigterm_ends_with_exit_code_0_and_stops_the_database(installation):
    with installation.serve() as server:
        assert embedded_postgres.is_running(installation.data_dir)

        assert server.terminate() == 0

        assert not embedded_postgres.is_running(installation.data_dir)
        assert "Traceback" not in server.output


def test_ctrl_c_ends_several_workers_and_the_database(installation):
    with installation.serve("--workers", "2") as server:
        assert server.call()[0] == 200

        server.signal(signal.SIGINT)

        assert server.process.wait(60) == 0
        assert not embedded_postgres.is_running(installation.data_dir)
        assert "Traceback" not in server.output


def test_a_second_serve_on_the_data_directory_is_refused(installation):
    with installation.serve() as server:
        second = installation.run("serve", "--port", str(free_port()))

        assert second.returncode == 1
        assert second.stderr.strip() == (
            f"Another serve is running on the data directory {installation.data_dir}."
        )
        assert server.call()[0] == 200


def test_a_port_in_use_is_one_sentence_and_starts_no_database(installation, live_port):
    done = installation.run("serve", "--port", str(live_port))

    assert done.returncode == 1
    assert done.stderr.strip() == (
        f"Port {live_port} on 127.0.0.1 cannot be used: address already in use."
    )
    assert not embedded_postgres.is_running(installation.data_dir)


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("postgresql://nobody:secret@127.0.0.1:1/none", "The database none at"),
        ("mysql://x", "DATABASE_URL must begin with postgresql://"),
    ],
)
def test_an_unusable_database_url_is_one_sentence(installation, url, sentence):
    installation.variables["DATABASE_URL"] = url

    done = installation.run("serve", "--port", str(free_port()))

    assert done.returncode == 1
    assert done.stderr.startswith(sentence)
    assert len(done.stderr.strip().splitlines()) == 1
    assert "secret" not in done.stderr


def test_after_kill_9_of_everything_the_next_start_goes_on(installation):
    with installation.serve("--workers", "2") as server:
        key = server.shown("API key")
        assert server.call("before")[0] == 200
        server.kill()

    with installation.serve() as server:
        assert server.call("after", token=key)[0] == 200
        status, body = server.request(
            "GET", "/v2/identities?include_metrics=true", token=key
        )
        assert status == 200
        assert body["data"] == []  # a header tags usage, it creates no record


def test_a_database_left_running_by_a_killed_server_is_used_again(installation):
    with installation.serve() as server:
        key = server.shown("API key")
        server.signal(signal.SIGKILL)
        server.process.wait(60)
        assert embedded_postgres.is_running(installation.data_dir)

    with installation.serve() as server:
        assert server.call(token=key)[0] == 200
        assert server.terminate() == 0
    assert not embedded_postgres.is_running(installation.data_dir)


def test_workers_end_when_their_supervisor_was_killed(installation):
    with installation.serve("--workers", "2") as server:
        server.process.kill()
        server.process.wait(60)

        wait_for(lambda: not _answers(server), "the port is free again")


def test_the_environment_sets_login_and_key_and_nothing_of_it_is_printed(installation):
    installation.variables |= {
        "ORQSTUDIO_API_KEY": "sk-given-in-the-environment",
        "ORQSTUDIO_ADMIN_USER": "root",
        "ORQSTUDIO_ADMIN_PASSWORD": "given-password",
    }

    with installation.serve() as server:
        assert server.call(token="sk-given-in-the-environment")[0] == 200
        assert server.shown("Login") == "root"
        assert "given-password" not in server.output
        assert "sk-given-in-the-environment" not in server.output


def test_a_key_named_later_is_created_at_the_next_start(installation):
    with installation.serve():
        pass
    installation.variables["ORQSTUDIO_API_KEY"] = "sk-named-later"

    with installation.serve() as server:
        assert server.call(token="sk-named-later")[0] == 200


def test_demo_fills_the_workspace_once(installation):
    with installation.serve("--demo") as server:
        key = server.shown("API key")
        first = _totals(server, key)

    with installation.serve("--demo") as server:
        assert _totals(server, key) == first
        assert len(first) > 20
        assert all(requests > 0 for requests in first.values())


def _totals(server, key):
    path = "/v2/identities?include_metrics=true&limit=50"
    status, body = server.request("GET", path, token=key)
    assert status == 200
    return {
        row["external_id"]: row["metrics"]["total_requests"] for row in body["data"]
    }


def _answers(server) -> bool:
    try:
        server.request("GET", "/healthz", token="none")
    except OSError:
        return False
    return True


@pytest.fixture
def live_port():
    """A port somebody else listens on."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_two_nodes_share_one_database(installation, database_url, tmp_path):
    installation.variables["DATABASE_URL"] = database_url
    other = Installation(tmp_path / "other" / "var", {"DATABASE_URL": database_url})
    other.data_dir.parent.mkdir()

    with installation.serve() as first, other.serve() as second:
        key = first.shown("API key")

        assert second.call(token=key)[0] == 200
        assert "API key" not in second.output
        assert not (installation.data_dir / "postgres").exists()
        assert first.terminate() == 0
        assert second.call(token=key)[0] == 200


def test_it_answers_to_the_address_it_listens_on(installation):
    with installation.serve("--host", "127.0.0.2", "--workers", "2") as server:
        assert server.call()[0] == 200
        assert server.url == "http://127.0.0.2:" + str(server.port)


def test_a_setting_that_cannot_be_used_is_one_sentence(installation):
    installation.variables["ORQSTUDIO_WORKERS"] = "many"

    done = installation.run("serve")

    assert done.returncode == 1
    assert done.stderr == (
        "ORQSTUDIO_WORKERS must be a whole number from 1 to 64, not 'many'.\n"
    )


def test_a_key_that_no_header_can_carry_is_refused(installation):
    installation.variables["ORQSTUDIO_API_KEY"] = "two words"

    done = installation.run("serve", "--port", str(free_port()))

    assert done.returncode == 1
    assert done.stderr.startswith("ORQSTUDIO_API_KEY cannot be used: ")
    assert not embedded_postgres.is_running(installation.data_dir)


@pytest.fixture
def database_url(tmp_path):
    """A server of somebody else, with an empty database."""
    home = tmp_path / "elsewhere"
    cluster = embedded_postgres.start(home, throw_away=True)
    yield cluster.url
    cluster.stop()
