"""Django as a WSGI application: the Studio, the resources and the admin.

`orqstudio.asgi` runs it beside the gateway; alone it answers no metered call.
"""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "orqstudio.settings")

application = get_wsgi_application()
