module kfpops.dev/e2e/tools/storage

go 1.26.0
