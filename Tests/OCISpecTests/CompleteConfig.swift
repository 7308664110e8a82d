/// A configuration with every property of the specification for Linux except `linux.resources` and `linux.seccomp`.
let completeConfig = #"""
    {
      "ociVersion": "1.3.0",
      "root": {
        "path": "rootfs",
        "readonly": true
      },
      "process": {
        "terminal": true,
        "consoleSize": {
          "height": 25,
          "width": 80
        },
        "cwd": "/root",
        "env": [
          "PATH=/bin",
          "TERM=xterm"
        ],
        "args": [
          "sh",
          "-c"
        ],
        "rlimits": [
          {
            "type": "RLIMIT_CORE",
            "hard": 18446744073709551615,
            "soft": 1024
          },
          {
            "type": "RLIMIT_NOFILE",
            "hard": 1024,
            "soft": 1024
          }
        ],
        "apparmorProfile": "acme",
        "capabilities": {
          "bounding": [
            "CAP_KILL"
          ],
          "permitted": [
            "CAP_KILL"
          ],
          "inheritable": [
            "CAP_KILL"
          ],
          "effective": [
            "CAP_KILL"
          ],
          "ambient": [
            "CAP_KILL"
          ]
        },
        "noNewPrivileges": true,
        "oomScoreAdj": -1000,
        "scheduler": {
          "policy": "SCHED_DEADLINE",
          "nice": 1,
          "priority": 0,
          "flags": [
            "SCHED_FLAG_RECLAIM",
            "SCHED_FLAG_DL_OVERRUN"
          ],
          "runtime": 1024,
          "deadline": 2048,
          "period": 4096
        },
        "selinuxLabel": "system_u:x",
        "ioPriority": {
          "class": "IOPRIO_CLASS_IDLE",
          "priority": 4
        },
        "execCPUAffinity": {
          "initial": "7",
          "final": "0-3,7"
        },
        "user": {
          "uid": 1,
          "gid": 2,
          "umask": 63,
          "additionalGids": [
            5,
            6
          ]
        }
      },
      "mounts": [
        {
          "destination": "/proc",
          "type": "proc",
          "source": "proc"
        },
        {
          "destination": "/data",
          "type": "none",
          "source": "data",
          "options": [
            "rbind",
            "idmap"
          ],
          "uidMappings": [
            {
              "containerID": 0,
              "hostID": 1000,
              "size": 10
            }
          ],
          "gidMappings": [
            {
              "containerID": 0,
              "hostID": 2000,
              "size": 20
            }
          ]
        }
      ],
      "hostname": "slartibartfast",
      "domainname": "foobarbaz.test",
      "hooks": {
        "prestart": [
          {
            "path": "/bin/prestart",
            "args": [
              "prestart",
              "x"
            ],
            "env": [
              "a=b"
            ],
            "timeout": 5
          }
        ],
        "createRuntime": [
          {
            "path": "/bin/createRuntime",
            "args": [
              "createRuntime",
              "x"
            ],
            "env": [
              "a=b"
            ],
            "timeout": 5
          }
        ],
        "createContainer": [
          {
            "path": "/bin/createContainer",
            "args": [
              "createContainer",
              "x"
            ],
            "env": [
              "a=b"
            ],
            "timeout": 5
          }
        ],
        "startContainer": [
          {
            "path": "/bin/startContainer",
            "args": [
              "startContainer",
              "x"
            ],
            "env": [
              "a=b"
            ],
            "timeout": 5
          }
        ],
        "poststart": [
          {
            "path": "/bin/poststart",
            "args": [
              "poststart",
              "x"
            ],
            "env": [
              "a=b"
            ],
            "timeout": 5
          }
        ],
        "poststop": [
          {
            "path": "/bin/poststop",
            "args": [
              "poststop",
              "x"
            ],
            "env": [
              "a=b"
            ],
            "timeout": 5
          }
        ]
      },
      "annotations": {
        "com.example.key": "value",
        "plain": ""
      },
      "linux": {
        "namespaces": [
          {
            "type": "pid"
          },
          {
            "type": "network",
            "path": "/run/netns/a"
          },
          {
            "type": "ipc"
          },
          {
            "type": "uts"
          },
          {
            "type": "mount"
          },
          {
            "type": "user"
          },
          {
            "type": "cgroup"
          },
          {
            "type": "time"
          }
        ],
        "uidMappings": [
          {
            "containerID": 0,
            "hostID": 1000,
            "size": 32000
          },
          {
            "containerID": 32000,
            "hostID": 50000,
            "size": 1
          }
        ],
        "gidMappings": [
          {
            "containerID": 0,
            "hostID": 1000,
            "size": 32000
          }
        ],
        "timeOffsets": {
          "monotonic": {
            "secs": -172800,
            "nanosecs": 999999999
          },
          "boottime": {
            "secs": 604800,
            "nanosecs": 0
          }
        },
        "devices": [
          {
            "path": "/dev/fuse",
            "type": "c",
            "major": 10,
            "minor": 229,
            "fileMode": 438,
            "uid": 0,
            "gid": 0
          },
          {
            "path": "/dev/p",
            "type": "p"
          }
        ],
        "netDevices": {
          "eth0": {
            "name": "container_eth0"
          },
          "eth1.100": {}
        },
        "cgroupsPath": "/my/container",
        "intelRdt": {
          "closID": "guaranteed",
          "l3CacheSchema": "L3:0=7f0;1=1f",
          "memBwSchema": "MB:0=20;1=70",
          "schemata": [
            "L2:0=f",
            "L2:1=f"
          ],
          "enableMonitoring": true
        },
        "memoryPolicy": {
          "mode": "MPOL_INTERLEAVE",
          "nodes": "2-3",
          "flags": [
            "MPOL_F_STATIC_NODES"
          ]
        },
        "sysctl": {
          "net.ipv4.ip_forward": "1",
          "net.core.somaxconn": "256"
        },
        "rootfsPropagation": "slave",
        "maskedPaths": [
          "/proc/kcore",
          "/proc/keys"
        ],
        "readonlyPaths": [
          "/proc/sys"
        ],
        "mountLabel": "system_u:y",
        "personality": {
          "domain": "LINUX32",
          "flags": []
        }
      }
    }
    """#
