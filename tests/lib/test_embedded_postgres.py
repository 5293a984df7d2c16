"""The embedded PostgreSQL: made, found again, recovered, refused, stopped."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import stat

import psycopg
import pytest

from orqstudio.lib import embedded_postgres, postgres_programs
from orqstudio.lib.embedded_postgres import EmbeddedPostgresError, start, url_for
from orqstudio.lib.postgres_directories import cluster_dir, socket_dir

pytestmark = pytest.mark.slow


@pytest.fixture
def data_dir(tmp_path_factory):
    """A data directory that does not exist yet, below one only its owner enters."""
    path = tmp_path_factory.mktemp("machine") / "var"
    yield path
    postgres_programs.run_program(  # whoever still shares it in this process
        *("pg_ctl", "stop", "-D", cluster_dir(path), "-m", "immediate"), timeout_s=60
    )
    shutil.rmtree(socket_dir(path), ignore_errors=True)


def test_a_fresh_cluster_has_our_role_and_database_and_what_we_count_on(data_dir):
    cluster = start(data_dir, throw_away=True)

    with psycopg.connect(cluster.url) as connection:
        facts = connection.execute(
            "SELECT current_user, current_database(), rolsuper, "
            "current_setting('server_encoding'), current_setting('data_checksums'), "
            "current_setting('TimeZone'), current_setting('listen_addresses'), "
            "datlocprovider, datlocale "
            "FROM pg_roles, pg_database "
            "WHERE rolname = current_user AND datname = current_database()"
        ).fetchone()

    assert facts == (
        *("orqstudio", "orqstudio", False),
        *("UTF8", "on", "UTC", "", "b", "C.UTF-8"),
    )


def test_only_the_owner_enters_data_and_socket(data_dir):
    start(data_dir, throw_away=True)

    def mode(path):
        return stat.S_IMODE(path.stat().st_mode)

    assert mode(data_dir) == (0o710 if os.geteuid() == 0 else 0o700)
    assert mode(data_dir / "postgres") == 0o700
    assert mode(socket_dir(data_dir)) == 0o700


def test_the_last_user_stops_it_and_the_next_one_finds_the_data(data_dir):
    first, second = start(data_dir, throw_away=True), start(data_dir)
    with psycopg.connect(first.url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")

    second.stop()
    assert embedded_postgres.is_running(data_dir)
    first.stop()
    assert not embedded_postgres.is_running(data_dir)
    first.stop()  # twice is once

    with psycopg.connect(start(data_dir).url) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)


def test_it_recovers_when_all_its_processes_were_killed(data_dir):
    start(data_dir)
    with psycopg.connect(url_for(data_dir)) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    pid_file = cluster_dir(data_dir) / "postmaster.pid"
    os.kill(int(pid_file.read_text().split()[0]), signal.SIGKILL)

    with psycopg.connect(start(data_dir).url) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)


@pytest.mark.parametrize("other", [os.getpid(), 2**22 + 1])
def test_a_pid_file_of_another_life_does_not_stop_it(data_dir, other):
    """Another process has the number now, or none has it."""
    start(data_dir, throw_away=True).stop()
    text = f"{other}\n{cluster_dir(data_dir)}\n1\n5432\n/tmp\n\n  1 2\nready\n"
    (cluster_dir(data_dir) / "postmaster.pid").write_text(text)

    with psycopg.connect(start(data_dir, throw_away=True).url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_half_a_cluster_is_made_anew(data_dir):
    draft = data_dir / "postgres" / "draft"
    draft.mkdir(parents=True)
    (draft / "PG_VERSION").write_text("18\n")

    start(data_dir, throw_away=True)

    assert embedded_postgres.is_running(data_dir)
    assert not draft.exists()


def test_a_long_path_does_not_matter(tmp_path_factory):
    data_dir = tmp_path_factory.mktemp("machine") / ("long" * 40)

    cluster = start(data_dir, throw_away=True)

    try:
        with psycopg.connect(cluster.url) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    finally:
        cluster.stop()
    assert not socket_dir(data_dir).exists()


def test_data_of_another_major_version_is_refused(data_dir):
    (data_dir / "postgres" / "17").mkdir(parents=True)

    with pytest.raises(
        EmbeddedPostgresError, match=r"made by PostgreSQL 17 .* brings 18"
    ):
        start(data_dir)


def test_a_socket_directory_of_somebody_else_is_refused(data_dir, tmp_path):
    socket_dir(data_dir).symlink_to(tmp_path)

    try:
        with pytest.raises(EmbeddedPostgresError, match="belongs to another user"):
            start(data_dir)
    finally:
        socket_dir(data_dir).unlink()


def test_without_the_wheel_the_sentence_names_the_way_out(data_dir, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(importlib.util, "find_spec", lambda name: None)

        with pytest.raises(EmbeddedPostgresError, match="set DATABASE_URL"):
            start(data_dir)


def test_a_cluster_that_cannot_start_names_its_log(data_dir):
    start(data_dir, throw_away=True).stop()
    control = cluster_dir(data_dir) / "global" / "pg_control"
    kept = control.read_bytes()
    control.write_bytes(b"")

    try:
        with pytest.raises(EmbeddedPostgresError, match=r"reason is in .*server\.log"):
            start(data_dir)
    finally:
        control.write_bytes(kept)


def test_directories_above_become_passable_but_not_readable(tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    (closed / "var").mkdir(mode=0o700)

    postgres_programs.make_reachable(closed / "var")

    assert stat.S_IMODE(closed.stat().st_mode) == 0o701
    assert stat.S_IMODE((closed / "var").stat().st_mode) == 0o700


def test_it_is_not_running_where_nothing_is(tmp_path):
    assert not embedded_postgres.is_running(tmp_path)
