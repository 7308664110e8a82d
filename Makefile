# cale and calque. `make help` lists what there is.
# Every target installs the Debian packages that it needs and that are missing (as root, or through sudo).
PREFIX  ?= /usr/local
DESTDIR ?=
# embedded: Embedded Swift, static-pie. static: ordinary Swift, -static-executable (the fallback).
MODE    ?= embedded
# isal: calque unpacks gzip with ISA-L and is linked dynamically. zlib: it is one static file, and slower. MODE=static has zlib always.
GZIP    ?= isal
SWIFT   ?= swift
# VM=0: `make test` leaves the virtual machine out.
VM      ?= 1
FUZZ_SECONDS ?= 300

BUILD_PACKAGES = gcc libc6-dev pkg-config libseccomp-dev libcap-dev libjson-c-dev libzstd-dev zlib1g-dev libisal-dev libssl-dev
DEMO_PACKAGES  = $(BUILD_PACKAGES) busybox-static umoci
TEST_PACKAGES  = $(DEMO_PACKAGES) python3 python3-jsonschema procps runc crun uidmap iproute2 isal zstd skopeo podman btrfs-progs man-db mandoc zsh fish \
                 containernetworking-plugins iptables jq $(ENGINE_PACKAGES)
ENGINE_PACKAGES = docker.io docker-compose containerd criu buildah conmon netavark catatonit slirp4netns util-linux bsdutils

BENCH_PACKAGES = $(TEST_PACKAGES)
OTHERS_PACKAGES = $(TEST_PACKAGES) bats gawk debootstrap xz-utils $(GO_PACKAGES)
# what the OCI's runtime-tools are made of
GO_PACKAGES    = golang-go golang-github-blang-semver-dev golang-github-google-uuid-dev golang-github-hashicorp-go-multierror-dev golang-github-mrunalp-fileutils-dev \
                 golang-github-opencontainers-selinux-dev golang-github-opencontainers-specs-dev golang-github-sirupsen-logrus-dev golang-github-urfave-cli-dev \
                 golang-github-xeipuuv-gojsonschema-dev golang-gocapability-dev golang-golang-x-sys-dev
VM_PACKAGES    = perl e2fsprogs xz-utils debian-archive-keyring

CHECKED   = --explicit-target-dependency-import-check error
SCRATCH   = .build-$(MODE)
resources = $(shell $(SWIFT)c -print-target-info | sed -n 's/.*"runtimeResourcePath": *"\([^"]*\)".*/\1/p')
triple    = $(shell $(SWIFT)c -print-target-info | sed -n 's/.*"unversionedTriple": *"\([^"]*\)".*/\1/p')
release   = SWIFT_RESOURCES="$(resources)" SWIFT_TRIPLE="$(triple)" CALE_RELEASE=$(MODE) CALE_GZIP=$(GZIP) PKG_CONFIG_PATH=$(CURDIR)/build/archives \
            $(SWIFT) build -c release $(CHECKED) --disable-local-rpath --scratch-path $(SCRATCH)

.PHONY: help build demo test unit conformance compare orchestrators others others-vm coverage faults threats soak fuzz sanitize order bench bench-images trees hostile-images install uninstall format clean \
        vm build-packages demo-packages test-packages bench-packages others-packages vm-packages every-mode fuzz-program

help: ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/\1\t\2/p' Makefile | expand -t 16

build: build-packages ## release binaries: build/bin/cale and build/bin/calque (MODE=embedded|static)
	@# what pkg-config tells of these libraries leads to a directory with their archives alone: only libc and ISA-L are shared
	@mkdir -p build/archives
	@for pair in json-c:json-c zstd:libzstd crypto:libcrypto z:zlib; do name=$${pair#*:}; \
	  ln -sf "$$(cc -print-file-name=lib$${pair%:*}.a)" build/archives/ && \
	  sed 's|^libdir=.*|libdir=$(CURDIR)/build/archives|' "$$(env -u PKG_CONFIG_PATH pkg-config --variable=pcfiledir $$name)/$$name.pc" \
	    > build/archives/$$name.pc || exit 1; done
	@# the build does not know these as inputs of its link
	@find Sources/cale -name functions.order -newer $(SCRATCH)/release/cale -o -name unnamed.ld -newer $(SCRATCH)/release/cale 2> /dev/null | \
	  grep -q . && rm -f $(SCRATCH)/release/cale || true
	$(release) --product cale
	$(release) --product calque
	@mkdir -p build/bin
	install -m 0755 $(SCRATCH)/release/cale $(SCRATCH)/release/calque build/bin/
	@# the commit gets into the room that BuildInformation.swift has for it: nothing is compiled again for it
	@commit=$$(git rev-parse --verify -q HEAD 2> /dev/null) || exit 0; git diff --quiet HEAD -- || commit=$$commit-dirty; \
	  LC_ALL=C sed -i "s/unknown \{39\}/$$(printf %-46s $$commit)/" build/bin/cale

demo: demo-packages build ## make an image of Debian's busybox, unpack it and run it
	conformance/demo build/bin/cale build/bin/calque

unit: test-packages ## the Swift tests
	$(SWIFT) build $(CHECKED) --build-tests
	$(SWIFT) test --skip-build

every-mode: build-packages # each release form builds; the ordinary static one is the fallback
	$(MAKE) MODE=static build
	$(MAKE) MODE=embedded build
	@# constant arrays moved out of functions would be mixed up at link time: see Package.swift
	@if nm .build-embedded/release/*.build/*.o 2>/dev/null | grep -q 'Tv[0-9]*_*r$$'; then \
	  echo "error: an object has outlined constant arrays"; exit 1; fi

test: test-packages unit every-mode fuzz-program ## every test, the long ones in short: units, build modes, demo, conformance, virtual machine (VM=0: without it)
	conformance/demo build/bin/cale build/bin/calque
	conformance/coverage > /dev/null
	conformance/fuzz .build-fuzz/debug/fuzz --executions 5000
	CALQUE=build/bin/calque RUNTIME=build/bin/cale conformance/run
	conformance/hostile-images build/bin/calque
	TMPDIR=/dev/shm conformance/interrupted-unpack build/bin/calque
	RUNTIME=build/bin/cale conformance/threats --rounds 5
	RUNTIME=build/bin/cale conformance/compare/run
	RUNTIME=build/bin/cale conformance/orchestrators/run docker echo execute stop compose
	RUNTIME=build/bin/cale conformance/orchestrators/run containerd
	RUNTIME=build/bin/cale conformance/orchestrators/run cri
	RUNTIME=build/bin/cale conformance/orchestrators/run buildah
	RUNTIME=build/bin/cale conformance/faults/run --short
	CALQUE=build/bin/calque conformance/faults/images --short
	RUNTIME=build/bin/cale conformance/soak --rounds 200 --alive 50 --execs 300 --races 5
	$(if $(filter 0,$(VM)),,$(MAKE) vm-packages && conformance/vm/run build/bin/cale)

coverage: test-packages ## every statement of the specifications, and the lines and branches of parsers and init that the unit tests execute
	conformance/coverage
	$(SWIFT) test --enable-code-coverage --scratch-path .build-coverage
	conformance/lines --gaps .build-coverage/debug/codecov/default.profdata .build-coverage/debug/calePackageTests.xctest

conformance: test-packages build ## the conformance suite on cale, then on runc and crun for comparison
	CALQUE=build/bin/calque RUNTIME=build/bin/cale conformance/run
	RUNTIME=/usr/sbin/runc conformance/run
	RUNTIME=/usr/bin/crun conformance/run

compare: test-packages build ## the same commands with runc and cale, side by side: equal statuses, outputs, files and states
	RUNTIME=build/bin/cale conformance/compare/run

orchestrators: test-packages build ## docker, with and without remapped users, containerd, pods over its CRI, podman as root and as a user, buildah: what people do with them
	for engine in docker docker-remap containerd cri podman podman-rootless buildah; do \
	  RUNTIME=build/bin/cale conformance/orchestrators/run $$engine || exit 1; done

others: others-packages build ## the tests of runc and of crun themselves, and the OCI's runtime-tools
	RUNTIME=build/bin/cale conformance/others/runc
	RUNTIME=build/bin/cale conformance/others/crun
	RUNTIME=build/bin/cale conformance/others/runtime-tools

others-vm: others-packages vm-packages build ## runc's tests in the virtual machine: version 2, systemd's driver, without root
	failed=; for modes in "" --systemd --rootless "--systemd --rootless"; do RUNTIME=build/bin/cale conformance/others/runc --vm $$modes || failed=1; done; [ -z "$$failed" ]

faults: test-packages build ## cale and calque are killed at every system call of their commands, and every one fails in every plausible way
	RUNTIME=build/bin/cale conformance/faults/run
	CALQUE=build/bin/calque conformance/faults/images

threats: test-packages build ## attacks, as root, with a user namespace, and without root, with modern system calls and without
	RUNTIME=build/bin/cale conformance/threats

fuzz: fuzz-program ## libFuzzer with AddressSanitizer over every parser, FUZZ_SECONDS each
	conformance/fuzz .build-fuzz/debug/fuzz --seconds $(FUZZ_SECONDS)

fuzz-program: test-packages
	CALE_RELEASE=fuzz $(SWIFT) build --product fuzz --sanitize fuzzer --sanitize address --scratch-path .build-fuzz

# what the tests of Foundation's Process and forked children leave is theirs: leaks are not looked for
sanitize: test-packages ## the Swift tests under AddressSanitizer, the C shims included
	ASAN_OPTIONS=detect_leaks=0 $(SWIFT) test --sanitize=address --scratch-path .build-address

soak: test-packages build ## 20,000 containers one after another, 1,000 at once, 5,000 execs, races for one id: nothing is left
	RUNTIME=build/bin/cale conformance/soak

order: test-packages ## write Sources/cale/functions.order anew, from what a start executes
	CALE_SYMBOLS=1 $(subst $(SCRATCH),.build-symbols,$(release)) --product cale
	conformance/bench/order .build-symbols/release/cale > build/functions.order
	mv build/functions.order Sources/cale/functions.order

vm: vm-packages build ## conformance in a virtual machine: cgroup version 2, systemd, AppArmor, podman
	conformance/vm/run build/bin/cale

bench: test-packages build ## CPU, wall and memory, interleaved with runc and crun; then in the virtual machine (VM=0: without it)
	conformance/bench/run build/bin/cale
	$(if $(filter 0,$(VM)),,$(MAKE) vm-packages && conformance/vm/run --bench build/bin/cale)

trees: build ## the same tree from calque, umoci, podman and containerd; docker, podman, umoci and skopeo take what calque packs
	conformance/trees build/bin/calque --real

bench-images: bench-packages build ## CPU, wall and memory of unpacking images, interleaved with umoci, tar, skopeo and podman, containerd
	conformance/bench/images build/bin/calque --containers 100

hostile-images: test-packages build ## images that mean harm, one attack each; unpackings that are killed
	conformance/hostile-images build/bin/calque
	TMPDIR=/dev/shm conformance/interrupted-unpack build/bin/calque

install: build ## programs, man pages and completions below $(DESTDIR)$(PREFIX)
	install -D -m 0755 -t $(DESTDIR)$(PREFIX)/bin build/bin/cale build/bin/calque
	for program in cale calque; do \
	  install -d $(DESTDIR)$(PREFIX)/share/man/man1 $(DESTDIR)$(PREFIX)/share/bash-completion/completions \
	    $(DESTDIR)$(PREFIX)/share/zsh/site-functions $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d && \
	  for page in $$(build/bin/$$program man --list); do \
	    command=$${page#$$program}; build/bin/$$program man $${command#-} > $(DESTDIR)$(PREFIX)/share/man/man1/$$page.1 || exit 1; \
	  done && \
	  build/bin/$$program completion bash > $(DESTDIR)$(PREFIX)/share/bash-completion/completions/$$program && \
	  build/bin/$$program completion zsh > $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_$$program && \
	  build/bin/$$program completion fish > $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/$$program.fish || exit 1; \
	done

uninstall: ## remove what install put there
	for program in cale calque; do \
	  for page in $$($(DESTDIR)$(PREFIX)/bin/$$program man --list); do rm -f $(DESTDIR)$(PREFIX)/share/man/man1/$$page.1; done; \
	  rm -f $(DESTDIR)$(PREFIX)/bin/$$program \
	    $(DESTDIR)$(PREFIX)/share/bash-completion/completions/$$program \
	    $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_$$program \
	    $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/$$program.fish; \
	done

format: ## swift format, in place
	$(SWIFT) format --in-place --recursive Package.swift Sources Tests

clean: ## remove everything that was built
	rm -rf build .build .build-embedded .build-static .build-fuzz .build-coverage .build-address .build-symbols

build-packages: ; @conformance/install-packages $(BUILD_PACKAGES)
demo-packages:  ; @conformance/install-packages $(DEMO_PACKAGES)
bench-packages: ; @conformance/install-packages $(BENCH_PACKAGES)
test-packages:  ; @conformance/install-packages $(TEST_PACKAGES)
others-packages: ; @conformance/install-packages $(OTHERS_PACKAGES)
vm-packages:    ; @conformance/install-packages $(VM_PACKAGES)
