from kfp import dsl, kubernetes


@dsl.container_component
def idle():
    return dsl.ContainerSpec(image="busybox:1.36", command=["true"])


@dsl.pipeline(name="claims", description="A volume claim that is made, used by two steps, and deleted.")
def pipeline():
    claim = kubernetes.CreatePVC(
        pvc_name_suffix="-data",
        access_modes=["ReadWriteOnce"],
        size="1Gi",
        storage_class_name="standard",
        annotations={"kept": "no"},
    )
    first = idle()
    kubernetes.mount_pvc(first, pvc_name=claim.outputs["name"], mount_path="/data")
    second = idle().after(first)
    kubernetes.mount_pvc(second, pvc_name=claim.outputs["name"], mount_path="/data")
    kubernetes.DeletePVC(pvc_name=claim.outputs["name"]).after(second)
