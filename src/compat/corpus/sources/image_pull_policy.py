from kfp import dsl, kubernetes


@dsl.container_component
def idle():
    return dsl.ContainerSpec(image="busybox:1.36", command=["true"])


@dsl.pipeline(name="image-pull-policy", description="When the image of a step is pulled.")
def pipeline():
    kubernetes.set_image_pull_policy(idle(), "Always")
