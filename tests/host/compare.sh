#!/usr/bin/env bash
# ganhost compare: metrics of several runs in one figure and a line for each.
# shellcheck source=harness.sh
. "$(dirname "$0")/harness.sh"

OPTIONS=(--plugin tiny --set data.source=builtin:digits --set data.count=300 --set data.resolution=32 --set data.fit=pad
    --set threads=1 --set train.snapshot_kimg=0.2 --set train.report_kimg=0.1)
side() # PNG OFFSET: its width (16) or height (20)
{
    od -An -tu4 --endian=big -j"$2" -N4 "$1" | tr -d ' '
}

ganhost "${OPTIONS[@]}" --set train.swd=40 --set train.kimg=0.8
ganhost "${OPTIONS[@]}" --set train.swd=40 --set train.kimg=0.4 --seed 2
ganhost "${OPTIONS[@]}" --set train.kimg=0.2
first=$(echo runs/00000-*) second=$(echo runs/00001-*) third=$(echo runs/00002-*)

ganhost compare "$first" "$second/"
expect 0 ""
last=$(grep -o '"swd": [0-9.]*' "$first/stats.jsonl" | tail -1 | cut -d' ' -f2)
expect_out "$(basename "$first")  kimg 0.8 in "
expect_out "kimg/hour  swd $(printf '%.4g' "$last") (lowest $(grep -o '"swd": [0-9.]*' "$first/stats.jsonl" | cut -d' ' -f2 |
    sort -g | head -1 | xargs printf '%.4g') at kimg "
expect_out "$(basename "$second")  kimg 0.4 in "
check "images over time, and the distance over time and images" [ "$(side compare.png 16) $(side compare.png 20)" = "900 1020" ]
ganhost compare "$first" "$second" "$third" --out all.png
expect 0 ""
check "without distances what they have in common" [ "$(side all.png 20)" -gt 340 ]
expect_out "d_loss "
mkdir other && cp -r "$first" other/
ganhost compare "$first" "other/$(basename "$first")" --out names.png
expect_out "$first   kimg 0.8 in "
expect_out "other/$(basename "$first")  kimg 0.8 in "
ganhost compare "$first" "$third" --metrics 'd_loss,g "loss"' --out two.png
check "the metrics that are asked for" [ "$(side two.png 20)" = 1700 ]

ganhost compare "$first" "$third" --metrics swd --out none.png
expect_error 2 "$third has no metric \"swd\"; it has d_loss"
ganhost compare "$first" --metrics a,b,
expect_error 2 "has no metric \"a\""
ganhost compare nothing "$first"
expect_error 1 "nothing/stats.jsonl has no two reports to draw; expected a run's folder"
ganhost compare "$first" --out none.jpg
expect_error 2 "the figure goes to a .png file, not to none.jpg"
ganhost compare "$first" "$first" "$first" "$first" "$first" "$first" "$first" "$first" "$first"
expect_error 2 "at most 8 runs are compared, not 9"
mkdir torn && head -c 300 "$first/stats.jsonl" > torn/stats.jsonl
ganhost compare torn --out none.png
expect_error 1 "torn/stats.jsonl has no two reports"
check "nothing was written" [ ! -e none.png ] && [ ! -e none.jpg ]
finish
