# Runs as process 1 of new network, mount, process, IPC and UTS namespaces. $1: the cluster's folder, $2: the pause program.
folder=$1
pause=$2

mount -t proc proc /proc

# The kubelet sets these for the whole machine. Here it finds files of the cluster's own with the values it wants.
for setting in vm/overcommit_memory=1 vm/panic_on_oom=0 kernel/panic=10 kernel/panic_on_oops=1 \
    kernel/keys/root_maxkeys=1000000 kernel/keys/root_maxbytes=25000000; do
    name=${setting%%=*}
    file=$folder/sysctl/$(echo "$name" | tr / .)
    echo "${setting#*=}" > "$file"
    [ ! -e "/proc/sys/$name" ] || mount --bind "$file" "/proc/sys/$name"
done

# Fixed paths of kubelet, containerd, runc and CNI plugins: the host's are out of sight.
mount -t tmpfs -o mode=755 tmpfs /run
mkdir /run/lock
for folder_of_host in lib log; do
    mount -t tmpfs -o mode=755 tmpfs "/var/$folder_of_host"
done
for shared in lib/kubelet lib/cni log/pods log/containers; do
    mkdir -p "$folder/var/$shared" "/var/$shared"
    mount --bind "$folder/var/$shared" "/var/$shared"
done

ip link set lo up
echo 1 > /proc/sys/net/ipv4/ip_forward
# When all is killed, a connection to a pod that is gone must not keep the network alive for minutes.
echo 1 > /proc/sys/net/ipv4/tcp_orphan_retries

: > "$folder/namespaces-ready"
exec "$pause"
