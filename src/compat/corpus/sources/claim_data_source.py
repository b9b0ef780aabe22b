from kfp import dsl, kubernetes


@dsl.container_component
def idle():
    return dsl.ContainerSpec(image="busybox:1.36", command=["true"])


@dsl.pipeline(name="claim-data-source", description="A volume claim that begins as the copy of a snapshot.")
def pipeline():
    claim = kubernetes.CreatePVC(
        pvc_name="copy",
        access_modes=["ReadWriteOnce"],
        size="1Gi",
        data_source={"apiGroup": "snapshot.storage.k8s.io", "kind": "VolumeSnapshot", "name": "yesterday"},
    )
    kubernetes.mount_pvc(idle(), pvc_name=claim.outputs["name"], mount_path="/data")
