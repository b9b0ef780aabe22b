from kfp import dsl, kubernetes


@dsl.container_component
def idle():
    return dsl.ContainerSpec(image="busybox:1.36", command=["true"])


@dsl.pipeline(name="empty-dir", description="A folder on the node or in memory.")
def pipeline():
    step = idle()
    kubernetes.empty_dir_mount(step, volume_name="scratch", mount_path="/scratch")
    kubernetes.empty_dir_mount(step, volume_name="dshm", mount_path="/dev/shm", medium="Memory", size_limit="1Gi")
