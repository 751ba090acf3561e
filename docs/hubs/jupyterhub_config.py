"""JupyterHub for an exercise on one machine; the test of this recipe starts it on loopback.

    CLASS_PASSWORD="at least eight" jupyterhub --config docs/hubs/jupyterhub_config.py

Everybody may come in under any name with that password, and nothing parts one user's processes
from another's. For a class choose another authenticator, and a spawner with containers or system
users: see zero_to_jupyterhub.yaml and the_littlest_jupyterhub.sh beside this file.
"""

import os
from pathlib import Path

HOMES = Path(os.environ.get("CLASS_HOMES") or Path.home() / "class")

c = get_config()  # noqa: F821

c.JupyterHub.bind_url = f"http://127.0.0.1:{os.environ.get('CLASS_PORT', '8000')}"
c.JupyterHub.authenticator_class = "shared-password"
c.SharedPasswordAuthenticator.user_password = os.environ["CLASS_PASSWORD"]
c.Authenticator.allow_all = True
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = str(HOMES / "{username}")

c.Spawner.default_url = "/lab/tree/mof-lab/notebooks/00_start.ipynb"
c.Spawner.mem_limit, c.Spawner.cpu_limit = "2G", 1  # this spawner only tells them to the lab
c.Spawner.start_timeout = c.Spawner.http_timeout = 180  # s; a whole class starts at once
# The lab is installed once for all, where no user may write.
c.Spawner.environment = {"MOF_LAB_RUNS": "~/runs", "MOF_LAB_CACHE": "~/.cache/mof-lab"}
