/// The report's only style sheet.
enum ReportStyle {
    static let sheet: StaticString = """
        :root { --paper: #fcfcfb; --ink: #1d2733; --quiet: #66717d; --line: #e3e6e9; --blue: #1f5fa8;
          --pale: #aab6c3; --paler: #d5dce3; --orange: #d9822b; --red: #b3372f; --card: #f2f4f6;
          --s0: #0b3c6f; --s1: #2f6ea8; --s2: #6a9fcb; --s3: #a3c5e0; --s4: #d3e2ef; }
        @media (prefers-color-scheme: dark) { :root { --paper: #14181d; --ink: #dfe5ea; --quiet: #93a0ac;
          --line: #2a3138; --blue: #6fb1f0; --pale: #556270; --paler: #3a444e; --card: #1c2228;
          --s0: #d6ebff; --s1: #9ccaf5; --s2: #609bd0; --s3: #396a98; --s4: #254762; } }
        body { margin: 0; background: var(--paper); color: var(--ink);
          font: 15px/1.5 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }
        main { max-width: 1060px; margin: 0 auto; padding: 28px 24px 60px; }
        h1 { font-size: 28px; margin: 0; overflow-wrap: anywhere; }
        h2 { font-size: 19px; margin: 40px 0 6px; padding-top: 14px; border-top: 1px solid var(--line); }
        p { max-width: 78ch; margin: 6px 0 12px; } .quiet, figcaption { color: var(--quiet); }
        .notice { border-left: 3px solid var(--orange); padding-left: 10px; }
        .cards { display: flex; flex-wrap: wrap; gap: 10px; margin: 18px 0; }
        .card { background: var(--card); border-radius: 6px; padding: 8px 14px; }
        dt { color: var(--quiet); font-size: 12.5px; } dd { margin: 0; font-size: 18px; font-weight: 600; }
        figure { margin: 12px 0; } figcaption { font-size: 13px; margin-bottom: 4px; }
        .maps, .laws { display: flex; flex-wrap: wrap; gap: 14px; } .maps .map { width: 320px; }
        .laws figure { width: 490px; } .laws figcaption { min-height: 4.5em; }
        svg { max-width: 100%; height: auto; display: block; }
        table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; }
        th, td { text-align: left; padding: 3px 12px 3px 0; border-bottom: 1px solid var(--line);
          white-space: nowrap; vertical-align: top; }
        th { color: var(--quiet); font-weight: 500; } td:last-child { white-space: normal; min-width: 14em; }
        .words td { white-space: normal; min-width: 3em; }
        td.number { text-align: right; } .scroll { overflow-x: auto; } .laws table { margin-top: 8px; }
        tr.best td { font-weight: 600; } tr.pruned td, tr.cancelled td { color: var(--quiet); }
        tr.failed td { color: var(--red); }
        .bars td, .bars th { border: 0; vertical-align: middle; } .bars td.wide { width: 420px; }
        .grid { stroke: var(--line); } .axis { stroke: var(--quiet); }
        .label { fill: var(--quiet); font-size: 11.5px; }
        .border { stroke: var(--pale); stroke-dasharray: 2 3; }
        .trial { fill: none; stroke: var(--pale); stroke-width: 1; } .trial.pruned { stroke: var(--paler); }
        .trial.failed { stroke: var(--red); } .trial.dot { stroke-width: 2; }
        .trial.running { stroke: var(--orange); }
        .chosen { fill: none; stroke: var(--blue); stroke-width: 2.4; stroke-linejoin: round; }
        .chosen.cooldown { stroke-width: 1.3; stroke-dasharray: 4 3; }
        .chosen-end { fill: var(--blue); }
        .shade0 { fill: var(--s0); } .shade1 { fill: var(--s1); } .shade2 { fill: var(--s2); }
        .shade3 { fill: var(--s3); } .shade4 { fill: var(--s4); }
        .shade3, .shade4 { stroke: var(--s2); stroke-width: .6; }
        .ring { stroke: var(--orange); stroke-width: 2; }
        .hollow { fill: none; stroke: var(--pale); } .failed { fill: none; stroke: var(--red); stroke-width: 1.5; }
        .window { fill: none; stroke: var(--quiet); stroke-dasharray: 4 3; }
        .band { fill: var(--blue); opacity: .13; } .fit { fill: none; stroke: var(--blue); stroke-width: 2; }
        .doubtful { stroke-dasharray: 5 4; stroke-width: 1.4; } .optimum { fill: var(--blue); }
        .faint { fill: var(--pale); } .forecast { stroke: var(--orange); stroke-width: 2; }
        .forecast-dot { fill: var(--paper); stroke: var(--orange); stroke-width: 2; }
        .bar { fill: var(--blue); } .bar.pruned { fill: var(--orange); } .bar.other { fill: var(--red); }
        .bar.saved { fill: none; stroke: var(--pale); stroke-dasharray: 3 2; }
        .key { font-size: 13px; color: var(--quiet); }
        .swatch { display: inline-block; width: 11px; height: 11px; margin: 0 5px 0 12px; }
        .swatch.bar { background: var(--blue); margin-left: 0; } .swatch.pruned { background: var(--orange); }
        .swatch.other { background: var(--red); } .swatch.saved { outline: 1px dashed var(--pale); }

        """
}
