# Everything that a person types. `make help` lists the targets.
.DEFAULT_GOAL := help
.PHONY: help build quickstart test test-hf bench soak format packages

BIN := .build/release

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

packages:
	@deploy/install-packages libsqlite3-dev libssh-dev libxxhash-dev libopenblas-dev

build: packages ## Build the coordinator, the agent and the plugins (release)
	swift build -c release --product coordinator
	swift build -c release --product agent
	swift build -c release --product native
	swift build -c release --product scripted
	swift build -c release --product command
	swift build -c release --product megatron
	swift build -c release --product huggingface

quickstart: build ## Run a real staged study on this machine: about 2 minutes after the build
	$(BIN)/coordinator start deploy/studies/quickstart.yaml --out quickstart

# Suites that wait for processes and links, each group alone: not beside what keeps all cores busy.
LINKS := AgentTests|FleetLinkTests
STUDIES := EndToEndTests
FLEETS := EndToEndTests.(DistantNodeTests|EnrolmentTests|FleetFaultTests|FleetTests|NetworkFaultTests|TransferTests)
PLUGINS := HuggingFaceTests|MegatronTests|NativeTests|TrainerKitTests
SUITES := Tests/suites

test: packages ## Run every check: format, build, all suites
	@deploy/install-packages openssh-server nftables faketime
	swift format lint --strict --recursive Package.swift Sources Tests agents plugins Benchmarks
	swift build -c release --product native
	swift build -c release --product soak
	swift build --build-tests
	$(SUITES) --skip '$(LINKS)|$(STUDIES)|$(PLUGINS)'
	$(SUITES) --filter '$(LINKS)'
	$(SUITES) --filter '$(PLUGINS)'
	$(SUITES) --filter '$(FLEETS)'
	$(SUITES) --filter '$(STUDIES)' --skip '$(FLEETS)'

test-hf: packages ## Check the huggingface plugin with real transformers on CPU (downloads 250 MB once)
	swift build --build-tests
	python=$$(Tests/HuggingFaceTests/environment) && \
		ITERHPO_HF_PYTHON=$$python $(SUITES) --filter HuggingFace

bench: build ## Measure speed: native trainer, journal, decisions
	Benchmarks/run

SECONDS ?= 600
soak: ## Simulate hostile fleets for SECONDS=600, or one with its trace: SEED=17
	swift build -c release --product soak
	$(BIN)/soak $(if $(SEED),--seed $(SEED) $(if $(WHOLE),--whole yes) $(if $(SCRIPT),--script $(SCRIPT)),--seconds $(SECONDS) --from $(or $(FROM),0))

format: ## Format the sources in place
	swift format format --in-place --recursive Package.swift Sources Tests agents plugins Benchmarks
