# The whole workflow at a glance: from the instruments' files to the linked overlay.


configfile: f"{workflow.basedir}/config/config.yaml"


include: "workflow/rules/common.smk"
include: "workflow/rules/guard.smk"
include: "workflow/rules/inputs.smk"
include: "workflow/rules/resources.smk"
include: "workflow/rules/demo.smk"
include: "workflow/rules/mri.smk"
include: "workflow/rules/xct.smk"
include: "workflow/rules/sections.smk"
include: "workflow/rules/registration.smk"
include: "workflow/rules/links.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/ending.smk"


localrules:
    all,
    figures,
    report,
    paper_figures,
    index,
    provenance,
    ro_crate,


rule all:
    default_target: True
    input:
        lambda wc: asked_for(),
        f"{RESULTS}/provenance.json",


rule figures:
    input:
        lambda wc: figure_files(),


rule report:
    input:
        lambda wc: report_files(),
        f"{RESULTS}/index.html",


onstart:
    hold_results()
    begin_run()


onsuccess:
    end_run()


onerror:
    end_run()
