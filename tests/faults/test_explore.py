import json,sys,time
import pytest
from faults.lab import *
from didomi_source.sandbox import PAYLOADS
from didomi_source.sandbox.payloads import mutate_log
names=[n for n in PAYLOADS if n!="id_lone_surrogate"]
GROUPS=[names[i:i+60] for i in range(0,len(names),60)]
@pytest.mark.parametrize("g", range(len(GROUPS)))
def test_x(lab, g):
    kinds=GROUPS[g]
    with misbehaving(store_of(kinds), [Fault(mutate_log(k, log_id=f"{k}/20"), export_id=k) for k in kinds]) as sb:
        t=time.time(); s=lab.run(sb); 
        out=open(f"/tmp/f/explore{g}.txt","w")
        print("run", time.time()-t, len(sb.requests), file=out)
        rows={}
        for r in lab.logs(): rows.setdefault(r["export_id"],[]).append(r)
        q={}
        for r in lab.rows("export_log_quarantine"): q.setdefault(r["export_id"],[]).append(r)
        for k,sync in lab.syncs(s.run_id).items():
            odd=[r for r in rows.get(k,[]) if r["id"] not in {f"{k}/{n:02d}" for n in range(23) if n!=20}]
            o=[{a:(str(b)[:60] if a!="flags" else b) for a,b in r.items() if a not in("raw_log","organization_id","export_id")} for r in odd]
            print(k, len(rows.get(k,[])), sync["is_complete"], sync["sort"], sync["requests"], sync["error"], [(x["reason"],x["raw_log"][:50]) for x in q.get(k,[])], o, file=out)
        t=time.time()
        print(lab.secrets_found(sb), "scan", time.time()-t, file=out)
        sb.faults=()
        now="2026-11-24T00:00:00.000Z"
        t=time.time()
        s=lab.run(sb)
        print("clean", s.exit_code, s.failures, time.time()-t, file=out)
        a,b=lab.logs(),truth(sb)
        da={r["id"]:r for r in a}; db={r["id"]:r for r in b}
        for i in sorted(da.keys()|db.keys()):
            if da.get(i)!=db.get(i): print("DIFF", i, {k:v for k,v in (da.get(i) or {}).items() if v!=(db.get(i) or {}).get(k)}, file=out)
        print("doubled", lab.doubled(), file=out)
