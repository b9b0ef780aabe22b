module kfpops.dev/e2e/tools/argo

go 1.26.0

require github.com/argoproj/argo-workflows/v3 v3.7.3
