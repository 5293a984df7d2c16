"""From an empty directory to a working installation: what every start ensures.

Database, migrations, static files, workspace `default` with its administrator, key
and deployment. All of it is idempotent, and safe when several nodes start at once
on one database.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import Error, NotSupportedError, connection, transaction

from identities.errors import TokenTaken, TokenUnusable
from identities.models import Membership, Workspace
from identities.services import create_workspace, issue_api_key
from metering.services import prepare_workspace
from orqstudio import health
from orqstudio.lib import embedded_postgres
from orqstudio.lib.errors import StartError
from orqstudio.lib.file_lock import FileLock

DEFAULT_WORKSPACE = "default"
LEAST_POSTGRES = 15
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104
"""Addresses that mean all of the machine's, and one of them that people can open."""
_ADVISORY_LOCK = 0x6F72_7173  # "orqs"


@dataclass(frozen=True, slots=True)
class Welcome:
    """What the first start shows once; None: it came from the environment."""

    admin_user: str
    admin_password: str | None
    api_key: str | None


@contextmanager
def holding_data_dir() -> Iterator[None]:
    """Hold the data directory for one `serve`; the hold dies with the process.

    Raises:
        StartError: another `serve` holds it, or it cannot be written.
    """
    data_dir = settings.DATA_DIR
    lock = FileLock(data_dir / "serve.lock")
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        is_free = lock.try_acquire()
    except OSError as error:
        message = f"The data directory {data_dir} cannot be used: {error.strerror}."
        raise StartError(message) from error
    if not is_free:
        message = f"Another serve is running on the data directory {data_dir}."
        raise StartError(message)
    try:
        yield
    finally:
        lock.release()


@contextmanager
def running_database() -> Iterator[None]:
    """Have a migrated database while the block runs.

    The embedded one is started, or shared with the server that runs already.

    Raises:
        EmbeddedPostgresError, StartError: with the sentence to show.
    """
    cluster = None
    if settings.DATABASE_IS_EMBEDDED:
        cluster = embedded_postgres.start(settings.DATA_DIR)
    try:
        with _alone():
            if health.find_trouble():
                call_command("migrate", interactive=False, verbosity=0)
        yield
    finally:
        connection.close()
        if cluster:
            cluster.stop()


def ensure_workspace() -> Welcome | None:
    """Ensure workspace `default` and what belongs to it; a Welcome if it is new.

    A key named by ORQSTUDIO_API_KEY is created whenever it is missing.
    """
    with _alone(), transaction.atomic():
        workspace = Workspace.objects.filter(slug=DEFAULT_WORKSPACE).first()
        is_new = workspace is None
        if workspace is None:
            workspace = create_workspace(slug=DEFAULT_WORKSPACE, name="Default")
        prepare_workspace(workspace=workspace)
        given_key = settings.BOOTSTRAP_API_KEY or None
        if given_key:
            _ensure_key(workspace, given_key)
        if not is_new:
            return None
        password = _ensure_admin(workspace)
        issued = given_key or issue_api_key(workspace=workspace, name="First key").token
    return Welcome(
        admin_user=settings.BOOTSTRAP_ADMIN_USER,
        admin_password=password,
        api_key=None if given_key else issued,
    )


@contextmanager
def _alone() -> Iterator[None]:
    """Keep other starting nodes out while the block runs.

    Raises:
        StartError: the database cannot be reached or is too old.
    """
    try:
        with connection.cursor() as cursor:
            _refuse_old_postgres()
            cursor.execute("SELECT pg_advisory_lock(%s)", [_ADVISORY_LOCK])
    except NotSupportedError as error:
        raise StartError(_too_old()) from error
    except Error as error:
        raise StartError(_out_of_reach(error)) from error
    try:
        yield
    finally:
        with suppress(Error), connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [_ADVISORY_LOCK])


def _refuse_old_postgres() -> None:
    if connection.pg_version < LEAST_POSTGRES * 10_000:  # type: ignore[attr-defined]
        raise StartError(_too_old())


def _too_old() -> str:
    return f"The database is older than PostgreSQL {LEAST_POSTGRES}; upgrade it."


def _out_of_reach(error: Error) -> str:
    """Return where we tried and why it failed; never the password."""
    place = connection.settings_dict
    address = f"{place['HOST'] or 'the local socket'}:{place['PORT'] or 5432}"
    reason = (str(error).splitlines() or ["no reason given"])[0].rstrip(".")
    return f"The database {place['NAME']} at {address} cannot be used: {reason}."


def allow_host(host: str) -> None:
    """Answer to the address we listen on, in this process and in its workers.

    Listening everywhere names no address: ORQSTUDIO_ALLOWED_HOSTS has to.
    """
    name = f"[{host}]" if ":" in host else host
    if host not in EVERYWHERE and name not in settings.ALLOWED_HOSTS:
        settings.ALLOWED_HOSTS.append(name)
        os.environ["ORQSTUDIO_ALLOWED_HOSTS"] = ",".join(settings.ALLOWED_HOSTS)


def disconnect() -> None:
    """Close this thread's connection; serving opens its own."""
    connection.close()


def add_superusers(workspace: Workspace) -> None:
    """Make every superuser an owner, so that the Studio can show the workspace."""
    for user in User.objects.filter(is_superuser=True):
        Membership.objects.get_or_create(
            workspace=workspace,
            user=user,
            defaults={"role": Membership.Role.OWNER},
        )


def _ensure_key(workspace: Workspace, token: str) -> None:
    try:
        with suppress(TokenTaken):
            issue_api_key(workspace=workspace, name="Environment", token=token)
    except TokenUnusable as error:
        message = f"ORQSTUDIO_API_KEY cannot be used: {error}"
        raise StartError(message) from error


def _ensure_admin(workspace: Workspace) -> str | None:
    """Create the administrator; return the password unless it was given or kept."""
    given = settings.BOOTSTRAP_ADMIN_PASSWORD
    password = given or secrets.token_urlsafe(12)
    name = settings.BOOTSTRAP_ADMIN_USER
    is_new = not User.objects.filter(username=name).exists()
    if is_new:
        User.objects.create_superuser(name, password=password)
    add_superusers(workspace)
    return password if is_new and not given else None
