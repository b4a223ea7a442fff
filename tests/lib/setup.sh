# Installs what the tests need beyond Rust, where it is missing. Sourced by tests/run.

PACKAGES="ca-certificates chromium fonts-dejavu-core gcc git libc6-dev openjdk-17-jre-headless postgresql python3 python3-venv"

installed() { dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q '^install ok installed$'; }

install_packages() {
  local package missing=()
  for package in $PACKAGES; do installed "$package" || missing+=("$package"); done
  [ ${#missing[@]} -eq 0 ] && return 0
  if [ "$(id -u)" -ne 0 ]; then
    echo "missing: ${missing[*]}; run as root: apt-get install --no-install-recommends ${missing[*]}"
    return 1
  fi
  # The tests start a server of their own; Debian need not make and start one.
  if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
    mkdir -p /etc/postgresql-common && echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.conf
  fi
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -q && apt-get install -q -y --no-install-recommends -o Dpkg::Options::=--force-confold "${missing[@]}"
}

# A virtual environment per content of requirements.txt, outside the clone: it serves every clone of this state.
venv_path() { VENV="$ASSAY_CACHE/venv-$(sha256sum tests/requirements.txt | cut -c1-16)"; }

install_venv() {
  [ -e "$VENV/complete" ] && return 0
  # Debian's own Python where there is one: it is the version that the packages are pinned for.
  local python=/usr/bin/python3
  [ -x "$python" ] || python=python3
  rm -rf "$VENV" && "$python" -m venv "$VENV" &&
    "$VENV/bin/pip" install --quiet --disable-pip-version-check --no-deps --only-binary :all: -r tests/requirements.txt &&
    "$VENV/bin/pip" check && touch "$VENV/complete"
}
