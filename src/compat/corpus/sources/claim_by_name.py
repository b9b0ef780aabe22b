from kfp import dsl, kubernetes


@dsl.container_component
def idle():
    return dsl.ContainerSpec(image="busybox:1.36", command=["true"])


@dsl.pipeline(name="claim-by-name", description="Volume claims that are there already, by a fixed name and by a parameter.")
def pipeline(claim: str = "theirs"):
    step = idle()
    kubernetes.mount_pvc(step, pvc_name="ours", mount_path="/ours")
    kubernetes.mount_pvc(step, pvc_name=claim, mount_path="/theirs")
