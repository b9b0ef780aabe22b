from google.protobuf import json_format
from kfp import dsl
from kfp.kubernetes import kubernetes_executor_config_pb2 as messages


@dsl.container_component
def idle():
    return dsl.ContainerSpec(image="busybox:1.36", command=["true"])


@dsl.pipeline(name="shared-memory", description="Memory that the processes of a step share.")
def pipeline():
    # No released kfp-kubernetes has a function for it; its message has the field.
    config = messages.KubernetesExecutorConfig()
    config.enabled_shared_memory.volume_name = "shm"
    config.enabled_shared_memory.size = "1Gi"
    idle().platform_config["kubernetes"] = json_format.MessageToDict(config)
