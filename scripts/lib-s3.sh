# A private S3 server for tests, Ceph's radosgw on 127.0.0.1, in the folder $S3: sourced by scripts/services, never run. Its
# three processes keep everything in memory. Stopping or killing "S3" means the gateway alone, so that the objects are there when it
# comes back; s3_end ends all three, and the objects with them. A gateway that was killed is watched for no longer than
# osd_client_watch_timeout: until then its successor waits for it before it makes a bucket.
#
# There are two users: the first one makes buckets and gives rights; the second has no rights but those that policies give it.

S3_USER=talelio
S3_OTHER_USER=guest

# s3_runs mon|osd|rgw: a pid file may outlive its process, and the number may have a new owner.
s3_runs() {
    local name
    case $1 in mon) name=ceph-mon ;; osd) name=ceph-osd ;; rgw) name=radosgw ;; esac
    [ -s "$S3/$1.pid" ] && [ "$(cat "/proc/$(cat "$S3/$1.pid")/comm" 2>/dev/null)" = $name ]
}

# Below the range that the kernel takes ports for connections from. Two that start at once may still meet: they try again.
s3_free_port() {
    local port
    for _ in $(seq 100); do
        port=$((16000 + (RANDOM * 32768 + RANDOM) % 16000))
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo $port; return 0; }
    done
    die "no free port for S3"
}

s3_run() { # NAME COMMAND…: in the background, for longer than this script
    local name=$1
    shift
    CEPH_CONF=$S3/ceph.conf setsid "$@" >>"$S3/$name.log" 2>&1 9>&- </dev/null &
    echo $! >"$S3/$name.pid"
    # Until the new process is this program, it would be taken for one that has ended.
    for _ in $(seq 500); do
        ! s3_runs "$name" && is_alive $! || break
        sleep 0.01
    done
}

s3_configure() { # MON_PORT
    cat >"$S3/ceph.conf" <<CONF
[global]
fsid = $(cat /proc/sys/kernel/random/uuid)
mon_host = v2:127.0.0.1:$1
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
keyring = $S3/keyring
run_dir = $S3
admin_socket =
log_file =
mon_cluster_log_file =
log_to_stderr = true
debug_rocksdb = 0/0
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 1
osd_pool_default_pg_autoscale_mode = off
mon_allow_pool_size_one = true
osd_crush_chooseleaf_type = 0
mon_max_pg_per_osd = 1000
mon_data_avail_crit = 0
paxos_propose_interval = 0.02
paxos_min_wait = 0.01
[mon]
mon_data = $S3/mon
[osd]
osd_data = $S3/osd
osd_objectstore = memstore
osd_client_watch_timeout = 5
memstore_device_bytes = 4294967296
[client]
keyring = $S3/keyring
rgw_data = $S3/rgw
rgw_dns_name = localhost
rgw_enable_apis = s3, iam
rgw_thread_pool_size = 32
rgw_num_control_oids = 1
rgw_gc_max_objs = 1
rgw_lc_max_objs = 1
rgw_run_sync_thread = false
rgw_dynamic_resharding = false
CONF
}

s3_user() { # NAME [option…]
    local name=$1 access secret
    shift
    access=$(od -An -N10 -tx1 /dev/urandom | tr -d ' \n')
    secret=$(od -An -N20 -tx1 /dev/urandom | tr -d ' \n')
    CEPH_CONF=$S3/ceph.conf timeout 30 radosgw-admin user create --uid="$name" --display-name="$name" --access-key="$access" \
        --secret-key="$secret" "$@" >>"$S3/users.log" 2>&1 || return 1
    (umask 077 && echo "$access $secret" >"$S3/$name.keys")
}

s3_make() { # one attempt; the monitor's port may be taken a moment before it is used
    local mon_port fsid osd
    mon_port=$(s3_free_port)
    rm -rf "$S3"
    mkdir -p "$S3/mon" "$S3/osd" "$S3/rgw"
    chmod 700 "$S3"
    s3_configure "$mon_port"
    fsid=$(sed -n 's/^fsid = //p' "$S3/ceph.conf")
    osd=$(cat /proc/sys/kernel/random/uuid)
    local -x CEPH_CONF=$S3/ceph.conf
    {
        ceph-authtool "$S3/keyring" --create-keyring --gen-key -n mon. --cap mon 'allow *'
        ceph-authtool "$S3/keyring" --gen-key -n client.admin --cap mon 'allow *' --cap osd 'allow *'
        ceph-authtool "$S3/keyring" --gen-key -n client.rgw --cap mon 'allow *' --cap osd 'allow *'
        ceph-authtool "$S3/keyring" --gen-key -n osd.0 --cap mon 'allow profile osd' --cap osd 'allow *'
        monmaptool --create --fsid "$fsid" --addv a "[v2:127.0.0.1:$mon_port]" "$S3/monmap"
        ceph-mon --mkfs -i a --monmap "$S3/monmap"
    } >"$S3/make.log" 2>&1 || return 1
    s3_run mon ceph-mon -f -i a
    timeout 30 ceph osd new "$osd" 0 >>"$S3/make.log" 2>&1 || return 1
    ceph-osd -i 0 --mkfs --osd-uuid "$osd" >>"$S3/make.log" 2>&1 || return 1
    s3_run osd ceph-osd -f -i 0
    s3_user $S3_USER --caps='user-policy=*' && s3_user $S3_OTHER_USER
}

s3_answers() { curl -sfo /dev/null --max-time 2 "http://127.0.0.1:$(cat "$S3/port")/" 2>/dev/null; }

# The gateway comes back on the port that it had; the first time it looks for one.
s3_start_gateway() {
    local port
    for _ in 1 2 3 4 5; do
        [ -s "$S3/port" ] || s3_free_port >"$S3/port"
        port=$(cat "$S3/port")
        s3_run rgw radosgw -f -n client.rgw --rgw_frontends="beast tcp_nodelay=1 endpoint=127.0.0.1:$port"
        for _ in $(seq 300); do
            ! s3_answers || return 0
            s3_runs rgw || break
            sleep 0.05
        done
        s3_kill rgw KILL
        rm -f "$S3/port"
    done
    tail -n 20 "$S3/rgw.log" >&2
    die "S3 did not start; the lines above say why"
}

start_s3() {
    command -v radosgw >/dev/null || die "radosgw is not installed: run scripts/test once, or apt-get install radosgw ceph-mon ceph-osd"
    if ! s3_runs osd; then
        local try
        for try in 1 2 3; do
            s3_end
            ! s3_make || break
            [ $try != 3 ] || {
                tail -n 20 "$S3"/*.log >&2
                die "S3 cannot be set up; the lines above say why"
            }
        done
    fi
    s3_runs rgw || s3_start_gateway
}

s3_kill() { # mon|osd|rgw [signal]
    s3_runs "$1" || return 0
    local pid
    pid=$(cat "$S3/$1.pid")
    kill -CONT "$pid" 2>/dev/null || :
    kill "-${2:-TERM}" "$pid" 2>/dev/null || :
    for _ in $(seq 200); do
        is_alive "$pid" || break
        sleep 0.05
    done
    rm -f "$S3/$1.pid"
}

stop_s3() { s3_kill rgw "${1:-TERM}"; }

s3_end() {
    s3_kill rgw KILL
    s3_kill osd KILL
    s3_kill mon KILL
}

s3_env() {
    s3_runs osd || return 0
    local access secret
    echo "S3_ENDPOINT=http://127.0.0.1:$(cat "$S3/port")"
    read -r access secret <"$S3/$S3_USER.keys"
    echo "S3_ACCESS_KEY=$access"
    echo "S3_SECRET_KEY=$secret"
    read -r access secret <"$S3/$S3_OTHER_USER.keys"
    echo "S3_GUEST_ACCESS_KEY=$access"
    echo "S3_GUEST_SECRET_KEY=$secret"
}
