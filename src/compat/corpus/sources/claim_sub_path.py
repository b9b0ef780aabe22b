from kfp import dsl, kubernetes


@dsl.container_component
def idle():
    return dsl.ContainerSpec(image="busybox:1.36", command=["true"])


@dsl.pipeline(name="claim-sub-path", description="A folder of a volume claim.")
def pipeline():
    kubernetes.mount_pvc(idle(), pvc_name="ours", mount_path="/data", sub_path="of/ours")
