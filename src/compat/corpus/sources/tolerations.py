from kfp import dsl, kubernetes


@dsl.container_component
def idle():
    return dsl.ContainerSpec(image="busybox:1.36", command=["true"])


@dsl.pipeline(name="tolerations", description="A step that bears tainted nodes.")
def pipeline():
    step = idle()
    kubernetes.add_toleration(step, key="gpu", operator="Equal", value="yes", effect="NoSchedule")
    kubernetes.add_toleration(step, key="slow", operator="Exists", effect="NoExecute", toleration_seconds=60)
