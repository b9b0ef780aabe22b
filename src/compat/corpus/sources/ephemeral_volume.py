from kfp import dsl, kubernetes


@dsl.container_component
def idle():
    return dsl.ContainerSpec(image="busybox:1.36", command=["true"])


@dsl.pipeline(name="ephemeral-volume", description="A volume that lives as long as the pod.")
def pipeline():
    kubernetes.add_ephemeral_volume(
        idle(),
        volume_name="scratch",
        mount_path="/scratch",
        access_modes=["ReadWriteOnce"],
        size="1Gi",
        storage_class_name="standard",
        labels={"kept": "no"},
        annotations={"why": "large"},
    )
