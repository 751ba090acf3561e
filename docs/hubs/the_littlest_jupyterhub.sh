#!/usr/bin/env bash
# The Littlest JupyterHub, on one fresh Ubuntu server: run as root, with the address of your copy
# of this repository. It needs 1.3 GB of memory and half a core for each user at the same time.
#
#   bash the_littlest_jupyterhub.sh https://HOST/OWNER/NAME ADMIN
set -euo pipefail
repository=${1:?the address of the repository} admin=${2:?the name of the first administrator}

curl -fsSL https://tljh.jupyter.org/bootstrap.py | python3 - --admin "$admin"
git clone "$repository" /srv/mof-lab
cd /srv/mof-lab
/opt/tljh/user/bin/pip install --no-cache-dir -c constraints.txt -e '.[cpu,lab]' nbgitpuller

# Where the lab is installed no user may write: what they make goes into their homes.
cat > /opt/tljh/config/jupyterhub_config.d/mof_lab.py <<'PYTHON'
c.Spawner.environment.update({"MOF_LAB_RUNS": "~/runs", "MOF_LAB_CACHE": "~/.cache/mof-lab"})
c.Spawner.default_url = "/lab"
PYTHON
tljh-config set limits.memory 2G
tljh-config set limits.cpu 1
tljh-config set services.cull.timeout 3600
tljh-config reload

# JupyterLab in Chinese for everybody, and with it the lab's widgets:
# mkdir -p /opt/tljh/user/share/jupyter/lab/settings
# echo '{"@jupyterlab/translation-extension:plugin": {"locale": "zh_CN"}}' \
#   > /opt/tljh/user/share/jupyter/lab/settings/overrides.json
