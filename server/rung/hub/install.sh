#!/bin/sh
# Makes this computer an orchestrator of a Rung hub.
#
#   sh install.sh ID                     enrols with the id that the hub has issued, and starts the agent; where one is enrolled already
#                                        the id must be to enrol that orchestrator anew, with a new key
#   rung-orchestrator renew [--if-due]   gets a new certificate; with --if-due only when less than 60 days are left
#   rung-orchestrator uninstall          stops the agent and forgets key and certificate; vPLCs keep running
#
# The agent and its network monitor are the vendor's container images. The private key is made here and never leaves this computer.
# Everything is in functions and only the last line starts something, so a download that was cut off does nothing.
set -eu
umask 077

HUB=@HUB@
AGENTS=@AGENTS@
AGENT_IMAGE=@AGENT_IMAGE@
NETMON_IMAGE=@NETMON_IMAGE@

# The agent looks for itself, its monitor and their volume under these names.
AGENT=orchestrator_agent
NETMON=autonomy_netmon
VOLUME=orchestrator-shared
LABEL=rung.hub

# Tests have another folder in place of /.
ROOT=${RUNG_ROOT-}
KEEP=$ROOT/var/lib/rung-orchestrator
SELF=$ROOT/usr/local/sbin/rung-orchestrator
UNITS=$ROOT/etc/systemd/system
WEEKLY=$ROOT/etc/cron.weekly

# The authority that has issued the hub's certificate; nothing when it is a public one.
hub_authority() {
  cat <<'END'
@AUTHORITY@
END
}

main() {
  case ${1-} in
    renew)
      check_computer
      renew "${2-}"
      ;;
    uninstall)
      check_computer
      uninstall
      ;;
    '' | -*) stop "give the id that the hub has issued, or 'renew', or 'uninstall'. Nothing was changed." ;;
    *)
      check_id "$1"
      check_computer
      install_agent "$1"
      ;;
  esac
}

say() { printf 'rung: %s\n' "$*"; }

stop() {
  printf 'rung: %s\n' "$*" >&2
  exit 1
}

check_id() {
  case $1 in
    *[!0-9A-F]*) stop "'$1' is not an id: 32 digits and capital letters A to F. Nothing was changed." ;;
  esac
  [ "${#1}" -eq 32 ] || stop "'$1' is not a whole id: it has 32 digits and letters. Nothing was changed."
}

check_computer() {
  [ "$(uname -s)" = Linux ] || stop "the agent runs on Linux only. Nothing was changed."
  [ "$(id -u)" = 0 ] || stop "this must run as root, for it starts containers and keeps a key. Run it with sudo. Nothing was changed."
  for tool in openssl curl docker; do
    command -v "$tool" >/dev/null 2>&1 ||
      stop "$tool is needed and is not installed. Install it with the system's package manager, then run this again. Nothing was changed."
  done
  docker version >/dev/null 2>&1 || stop "Docker does not answer. Start it, then run this again. Nothing was changed."
  trap tidy EXIT
}

install_agent() {
  refuse_others
  mkdir -p "$KEEP"
  chmod 700 "$KEEP"
  if [ -s "$KEEP/client.crt" ]; then
    [ "$(cat "$KEEP/hub")" = "$HUB" ] ||
      stop "this computer belongs to the hub $(cat "$KEEP/hub"). Run 'rung-orchestrator uninstall' first. Nothing was changed."
    write_authority
    take_next
    if [ "$(enrolled_id)" = "$1" ]; then
      say "this computer is enrolled already; the agent is started anew."
    else
      enrol_anew "$1"
    fi
  else
    write_authority
    printf '%s\n' "$HUB" >"$KEEP/hub"
    make_key "$KEEP"
    say "asking $HUB for a certificate"
    request_certificate "$KEEP" "$1" "$HUB/orchestrators/enroll"
  fi
  keep_this_script
  start_containers
  say "the agent is started and connects to $AGENTS. It appears in the hub within a minute."
}

# A container of this name that somebody else has made belongs to another service, which must not lose its agent by accident.
refuse_others() {
  for container in "$AGENT" "$NETMON"; do
    if exists "$container" && ! ours "$container"; then
      stop "there is a container $container of another service or hub. Uninstall that first. Nothing was changed."
    fi
  done
}

exists() { docker container inspect "$1" >/dev/null 2>&1; }

ours() { [ "$(docker container inspect --format "{{index .Config.Labels \"$LABEL\"}}" "$1" 2>/dev/null)" = "$HUB" ]; }

write_authority() {
  hub_authority >"$KEEP/hub-ca.pem"
  grep -q 'BEGIN CERTIFICATE' "$KEEP/hub-ca.pem" || rm "$KEEP/hub-ca.pem"
}

# The present key and certificate stay until the hub has signed a new key, which may be because the old one is in wrong hands. The hub
# refuses when the id is for another orchestrator than this computer is, for its vPLCs would be looked for here.
enrol_anew() {
  say "this computer is enrolled as $(enrolled_id) already; the hub is asked whether this id is to enrol that orchestrator anew"
  mkdir -p "$KEEP/next"
  make_key "$KEEP/next"
  request_certificate "$KEEP/next" "$1" "$HUB/orchestrators/enroll?replaces=$(enrolled_id)"
  take_next
}

# Finishes what enrol_anew began, also after a power failure at any point of it: a certificate that has arrived is the only one that counts.
take_next() {
  [ -s "$KEEP/next/client.crt" ] || return 0
  if [ -s "$KEEP/next/client.key" ]; then
    mv "$KEEP/next/client.key" "$KEEP/client.key"
  fi
  mv "$KEEP/next/client.crt" "$KEEP/client.crt"
  rm -rf "$KEEP/next"
}

# What was not finished and has no certificate is worth nothing.
tidy() {
  rm -f "$KEEP/request.conf" "$KEEP/client.csr" "$KEEP/answer" "$KEEP/client.key.new" "$SELF.new"
  [ -s "$KEEP/next/client.crt" ] || rm -rf "$KEEP/next"
}

# make_key FOLDER
make_key() {
  [ -s "$1/client.key" ] && return
  say "making a key; a small computer takes up to a minute"
  openssl genrsa -out "$KEEP/client.key.new" 4096 2>/dev/null || stop "openssl could not make a key. Nothing was sent."
  mv "$KEEP/client.key.new" "$1/client.key"
}

# request_certificate FOLDER ID URL [OPTION-OF-CURL...]
request_certificate() {
  folder=$1 id=$2 url=$3
  shift 3
  printf '[req]\nprompt = no\ndistinguished_name = subject\n[subject]\nCN = %s\n' "$id" >"$KEEP/request.conf"
  openssl req -new -sha256 -config "$KEEP/request.conf" -key "$folder/client.key" -out "$KEEP/client.csr" ||
    stop "openssl could not make the certificate request. Nothing was sent."
  status=$(ask_hub "$@" --header 'Accept: application/x-pem-file' --form "csr=@$KEEP/client.csr" \
    --output "$KEEP/answer" --write-out '%{http_code}' "$url") ||
    stop "the hub at $url was not reached, or its answer was lost. Run this again; if the hub then says that no enrolment is open, ask it for an id to enrol the orchestrator anew: rung hub orchestrator enrol NAME --again"
  [ "$status" = 200 ] || stop "the hub refused (status $status): $(head -c 600 "$KEEP/answer" | tr -cd '[:print:]')"
  [ "$(openssl x509 -in "$KEEP/answer" -noout -pubkey)" = "$(openssl pkey -in "$folder/client.key" -pubout)" ] ||
    stop "the hub's answer is not a certificate for this computer's key. It is not used."
  openssl x509 -in "$KEEP/answer" -noout -purpose | grep -q '^SSL client : Yes' ||
    stop "the hub's certificate is not good for a client. It is not used."
  mv "$KEEP/answer" "$folder/client.crt"
}

# The first word makes curl leave root's own settings alone.
ask_hub() {
  if [ -s "$KEEP/hub-ca.pem" ]; then
    set -- --cacert "$KEEP/hub-ca.pem" "$@"
  fi
  curl --disable --silent --show-error --proto '=https' --tlsv1.2 --connect-timeout 20 --max-time 60 --retry 3 "$@"
}

enrolled_id() { openssl x509 -in "$KEEP/client.crt" -noout -subject -nameopt multiline | sed -n 's/^ *commonName *= *//p'; }

keep_this_script() {
  mkdir -p "${SELF%/*}"
  ask_hub --fail --output "$SELF.new" "$HUB/install.sh" || stop "the hub was not reached for its script. Run this again with the same id."
  chmod 700 "$SELF.new"
  mv "$SELF.new" "$SELF"
  if [ -d "$ROOT/run/systemd/system" ]; then
    mkdir -p "$UNITS"
    cat >"$UNITS/rung-orchestrator.service" <<END
[Unit]
Description=Renew the certificate of the Rung orchestrator when it is due
[Service]
Type=oneshot
ExecStart=$SELF renew --if-due
END
    cat >"$UNITS/rung-orchestrator.timer" <<'END'
[Unit]
Description=Ask every week whether the certificate of the Rung orchestrator is due
[Timer]
OnCalendar=weekly
RandomizedDelaySec=1d
Persistent=true
[Install]
WantedBy=timers.target
END
    systemctl daemon-reload
    systemctl enable --now --quiet rung-orchestrator.timer
  elif [ -d "$WEEKLY" ]; then
    printf '#!/bin/sh\nexec %s renew --if-due\n' "$SELF" >"$WEEKLY/rung-orchestrator"
    chmod 700 "$WEEKLY/rung-orchestrator"
  else
    say "note: nothing here runs a task every week. Run 'rung-orchestrator renew' once a year, or the agent will be locked out."
  fi
}

start_containers() {
  docker volume inspect "$VOLUME" >/dev/null 2>&1 || docker volume create "$VOLUME" >/dev/null
  for image in "$NETMON_IMAGE" "$AGENT_IMAGE"; do
    docker pull "$image" || docker image inspect "$image" >/dev/null 2>&1 ||
      stop "the image $image cannot be had. Mend that and run this again with the same id; the certificate is here already."
  done
  for container in "$NETMON" "$AGENT"; do
    if exists "$container"; then
      docker rm --force "$container" >/dev/null
    fi
  done
  # The monitor reads and sets up the host's own network interfaces and serial devices for the vPLCs.
  docker run --detach --name "$NETMON" --label "$LABEL=$HUB" --restart unless-stopped \
    --log-driver local --log-opt max-size=1m --log-opt max-file=2 \
    --network host --pid host --privileged \
    --volume "$VOLUME:/var/orchestrator" --volume /dev:/dev --volume /run/udev:/run/udev:ro \
    "$NETMON_IMAGE" >/dev/null
  # No log: the agent prints every message that passes, with the passwords of the vPLCs' users and whole programs, and Docker would keep
  # them on the disk. SSL_CERT_FILE makes the agent trust the hub; REQUESTS_CA_BUNDLE must stay unset, for it would make the agent check
  # the certificates of the runtimes, which sign themselves.
  if [ -s "$KEEP/hub-ca.pem" ]; then
    set -- --env SSL_CERT_FILE=/root/.mtls/hub-ca.pem
  else
    set --
  fi
  docker run --detach --name "$AGENT" --label "$LABEL=$HUB" --restart unless-stopped --log-driver none "$@" \
    --volume "$KEEP:/root/.mtls:ro" --volume /var/run/docker.sock:/var/run/docker.sock --volume "$VOLUME:/var/orchestrator" \
    --workdir /app/src "$AGENT_IMAGE" python -c \
    'import asyncio, sys; from controllers import run_websocket_with_reconnection as run; run(sys.argv[1], asyncio.run)' "$AGENTS" >/dev/null
}

# The key stays, so whichever certificate a power failure leaves behind goes with it; the hub takes both until the new one was used.
renew() {
  [ -s "$KEEP/client.crt" ] || stop "this computer is not enrolled. Nothing was changed."
  if [ -s "$KEEP/next/client.crt" ]; then
    take_next
    docker restart "$AGENT" >/dev/null
  fi
  if [ "$1" = --if-due ]; then
    exists "$AGENT" || return 0
    if openssl x509 -in "$KEEP/client.crt" -noout -checkend 5184000 >/dev/null; then
      return 0
    fi
  fi
  openssl x509 -in "$KEEP/client.crt" -noout -checkend 0 >/dev/null ||
    stop "the certificate has expired, so the hub does not know this computer any more. Ask it for an id to enrol this orchestrator anew (rung hub orchestrator enrol NAME --again) and run the command that it shows here. vPLCs keep running."
  request_certificate "$KEEP" "$(enrolled_id)" "https://$AGENTS/orchestrators/renew" --cert "$KEEP/client.crt" --key "$KEEP/client.key"
  docker restart "$AGENT" >/dev/null
  say "the certificate was renewed and the agent restarted; vPLCs kept running."
}

uninstall() {
  refuse_others
  for container in "$AGENT" "$NETMON"; do
    if exists "$container"; then
      docker rm --force "$container" >/dev/null
    fi
  done
  if [ -e "$UNITS/rung-orchestrator.timer" ]; then
    systemctl disable --now --quiet rung-orchestrator.timer
    rm -f "$UNITS/rung-orchestrator.timer" "$UNITS/rung-orchestrator.service"
    systemctl daemon-reload
  fi
  rm -rf "$KEEP" "$WEEKLY/rung-orchestrator" "$SELF"
  say "the agent, its key and its certificate are gone. vPLCs keep running, and what the agent knew of them stays in the volume $VOLUME."
  say "Revoke or remove the orchestrator in the hub, too."
}

main "$@" </dev/null
