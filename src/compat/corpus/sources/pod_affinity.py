from google.protobuf import json_format
from kfp import dsl
from kfp.kubernetes import kubernetes_executor_config_pb2 as messages


@dsl.container_component
def idle():
    return dsl.ContainerSpec(image="busybox:1.36", command=["true"])


@dsl.pipeline(name="pod-affinity", description="A step that runs beside some pods and away from others.")
def pipeline():
    # No released kfp-kubernetes has a function for it; its message has the field.
    config = messages.KubernetesExecutorConfig()
    config.pod_affinity.add(match_pod_labels={"app": "cache"}, topology_key="kubernetes.io/hostname")
    config.pod_affinity.add(
        match_pod_labels={"app": "noise"}, topology_key="kubernetes.io/hostname", weight=10, anti=True
    )
    idle().platform_config["kubernetes"] = json_format.MessageToDict(config)
