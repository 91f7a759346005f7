"""The labels of a phase's fields, by field and language, and how a line is told to begin with one. Reads no values."""

from __future__ import annotations

import re
from typing import NamedTuple

from .words import fold

# By field and language; `canonical` is the form of the reference. Compared in small letters without accents.
LABELS: dict[str, dict[str, str]] = {
    "modules": {
        "canonical": "modules, module",
        "en": "components, packages, services, crates, workstreams, worktrees, units",
        "de": "module, modul, komponenten, pakete",
        "fr": "modules, composants, paquets",
        "es": "modulos, componentes, paquetes",
        "pt": "modulos, componentes, pacotes",
        "zh": "模块, 模組, 组件",
        "ja": "モジュール, コンポーネント",
        "ko": "모듈, 컴포넌트, 구성 요소",
    },
    "tasks": {
        "canonical": "tasks, task list",
        "en": (
            "task, deliverables, deliverable, deliver, todo, todos, to do, to-do, work, work items, steps, step, "
            "implementation, implementation steps, implementation tasks, actions, action items, activities, "
            "checklist, story, stories, user story, user stories, features, items, scope of work, what to do, what to build, what to "
            "implement, to implement, build, what, changes, code changes, work breakdown, includes, what ships, "
            "ships, tickets, issues, subtasks, outputs, key tasks, core work, implement, what changes, epics and "
            "stories, key activities, must have"
        ),
        "de": (
            "aufgaben, arbeitspakete, schritte, lieferobjekte, ergebnisse, umfang, inhalte, inhalt, liefergegenstande"
        ),
        "fr": "taches, livrables, etapes, travaux, actions, contenu, a faire",
        "es": "tareas, entregables, pasos, actividades, alcance, acciones",
        "pt": "tarefas, entregaveis, entregas, passos, atividades, escopo, acoes",
        "zh": "任务, 任務, 任务清单, 交付物, 工作内容, 开发任务, 主要任务, 内容, 待办, 步骤, 具体任务, 交付内容, 实施步骤",
        "ja": "タスク, 作業, 作業内容, 成果物, 実装内容, やること, 内容, 実装タスク",
        "ko": "작업, 작업 목록, 작업 내용, 할 일, 구현 내용, 주요 작업, 산출물",
    },
    "commands": {
        "canonical": "test command, test commands",
        "en": (
            "command, commands, verify, verification, verification command, verification commands, verify with, "
            "verify by, validation, validate, validation command, validation commands, test, tests, testing, run, "
            "run tests, how to test, how to verify, check, checks, quality gate, quality gates, smoke test, "
            "automated tests, automated checks, ci, ci gate, automated verification, build command, proof, "
            "validation steps, verification steps, focused validation, test with, gate, gates, required checks, "
            "test plan, acceptance command, manual check, test run, test strategy, tests to run, to verify, check "
            "command, exit command, verification step, testing strategy"
        ),
        "de": (
            "testbefehl, testbefehle, test-befehl, prufbefehl, befehl, befehle, prufung, uberprufung, "
            "verifikation, test-kommando, validierung"
        ),
        "fr": "commande de test, commandes de test, commande, commandes, verification, tests, validation",
        "es": (
            "comando de prueba, comandos de prueba, comando de test, comando, comandos, verificacion, pruebas, "
            "validacion"
        ),
        "pt": "comando de teste, comandos de teste, comando, comandos, verificacao, testes, validacao",
        "zh": "测试命令, 測試命令, 验证命令, 命令, 验证, 驗證, 测试, 测试方法, 验证方式",
        "ja": "テストコマンド, 検証コマンド, コマンド, 検証, テスト, 確認方法, 検証方法",
        "ko": "테스트 명령, 검증 명령, 명령, 검증, 검증 방법, 테스트, 테스트 방법",
    },
    "criteria": {
        "canonical": "success criteria, success criterion",
        "en": (
            "acceptance criteria, acceptance criterion, acceptance, acceptance tests, exit criteria, exit "
            "criterion, exit gate, exit, exit condition, exit conditions, completion criteria, done criteria, "
            "definition of done, dod, done when, done if, done, criteria, success, success metrics, success "
            "measures, success looks like, complete when, completion, ship when, accept when, checkpoint, "
            "milestone, validation criteria, verification criteria, quality criteria, gate criteria, success "
            "when, ready when, expected outcome, expected outcomes, outcome, outcomes, expected result, expected "
            "results, result, required outcome, measurable acceptance criteria, pass criteria, stop condition, "
            "demo, independent test, acceptance gate, we are done when, finished when, acceptance checks, "
            "acceptance scenarios, done means, exit test, verification checklist, success indicators"
        ),
        "de": (
            "erfolgskriterien, erfolgskriterium, akzeptanzkriterien, abnahmekriterien, abnahme, fertig wenn, "
            "definition of done, abschlusskriterien, kriterien, ergebnis, was erreicht wird"
        ),
        "fr": (
            "criteres de succes, criteres de reussite, criteres d'acceptation, criteres d’acceptation, criteres, "
            "criteres de sortie, termine quand, definition de fini"
        ),
        "es": (
            "criterios de exito, criterios de aceptacion, criterios, criterios de salida, hecho cuando, "
            "definicion de hecho, definicion de terminado, criterio de exito"
        ),
        "pt": (
            "criterios de sucesso, criterios de aceitacao, criterios de aceite, criterios, pronto quando, "
            "definicao de pronto, criterio de sucesso, criterios de saida"
        ),
        "zh": "成功标准, 成功標準, 验收标准, 驗收標準, 完成标准, 验收, 完成定义, 验收条件, 退出标准, 里程碑",
        "ja": "成功基準, 受け入れ基準, 受入基準, 完了条件, 完了基準, 完了の定義, 合格基準, 達成基準",
        "ko": "완료 기준, 완료 조건, 성공 기준, 수용 기준, 인수 기준, 종료 조건, 종료 기준",
    },
    "depends_on": {
        "canonical": "depends on, dependencies",
        "en": (
            "dependency, depends, requires, blocked by, prerequisites, prerequisite, after, needs, follows, "
            "depends upon, phase dependencies, builds on, entry criteria, pre-requisites, blockers, precondition, "
            "preconditions"
        ),
        "de": "abhangig von, hangt ab von, abhangigkeiten, voraussetzungen, voraussetzung, abhangigkeit, nach",
        "fr": "depend de, dependances, prerequis, dependance, pre-requis, apres",
        "es": "depende de, dependencias, prerrequisitos, requisitos previos, requiere, despues de, dependencia",
        "pt": "depende de, dependencias, pre-requisitos, requer, depois de, dependencia",
        "zh": "依赖, 依賴, 依赖于, 前置条件, 依赖关系, 前置依赖, 前置",
        "ja": "依存, 依存関係, 前提, 前提条件, 依存先",
        "ko": "의존성, 의존, 의존 관계, 선행 조건, 선행 단계, 선행 작업",
    },
    "gotchas": {
        "canonical": "gotchas, gotcha",
        "en": (
            "risks, risk, pitfalls, caveats, caveat, watch out, watch out for, warnings, warning, notes, note, "
            "important, constraints, beware, known issues, risks and mitigations, risk & mitigation, limitations, "
            "edge cases, guardrails, key risks"
        ),
        "de": "stolperfallen, fallstricke, risiken, risiko, hinweise, hinweis, achtung, zu beachten",
        "fr": "pieges, risques, risque, attention, remarques, points d'attention, points de vigilance",
        "es": "trampas, riesgos, riesgo, advertencias, notas, cuidado, nota",
        "pt": "armadilhas, riscos, risco, avisos, cuidados, notas, observacoes, atencao",
        "zh": "注意事项, 注意事項, 风险, 風險, 注意, 陷阱, 坑, 备注",
        "ja": "注意点, 注意事項, 注意, リスク, 落とし穴, 備考",
        "ko": "주의사항, 주의 사항, 주의, 위험, 위험 요소, 리스크, 제약, 참고",
    },
    "scope": {
        "canonical": "scope, scopes",
        "en": (
            "paths, globs, path, write scope, edits, touches, writes, may change, allowed paths, allowed files, "
            "scope (paths)"
        ),
        "de": "pfade, geltungsbereich",
        "fr": "perimetre, chemins",
        "es": "rutas, ambito",
        "pt": "caminhos, ambito",
        "zh": "范围, 路径, 作用范围",
        "ja": "範囲, スコープ, パス, 対象範囲",
        "ko": "범위, 경로",
    },
    "files": {
        "canonical": "files, file",
        "en": (
            "files to create, files to modify, files to change, files modified, files changed, files created, "
            "files touched, key files, affected files, new files, modified files, files to create/modify, files "
            "to add, files to edit, files involved, files affected, files/modules, where, files to touch, target "
            "files, primary files, create, modify, location, files (new), files to update"
        ),
        "de": "dateien, betroffene dateien, neue dateien, datei",
        "fr": "fichiers, fichiers concernes, fichiers a creer, fichiers modifies",
        "es": "archivos, ficheros, archivos a crear, archivos afectados",
        "pt": "arquivos, ficheiros, arquivos a criar, arquivos afetados",
        "zh": "文件, 相关文件, 涉及文件, 新增文件, 修改文件, 文件清单",
        "ja": "ファイル, 対象ファイル, 関連ファイル, 変更ファイル",
        "ko": "파일, 대상 파일, 관련 파일, 수정 파일",
    },
    "status": {
        "en": "status, state, progress",
        "de": "status, stand",
        "fr": "statut, etat",
        "es": "estado",
        "zh": "状态, 狀態",
        "ja": "状態, ステータス, 進捗",
        "ko": "상태, 진행 상황",
    },
    "other": {
        "en": (
            "requirements, interfaces, interface, assumptions, "
            "goal, goals, objective, objectives, purpose, duration, effort, estimate, estimated effort, estimated "
            "time, time, timeline, owner, owners, priority, description, rationale, why, context, background, "
            "overview, summary, focus, approach, out of scope, scope out, non-goals, non goals, complexity, "
            "estimated duration, target, theme, value, parallel, size, intent, team, impact, not in scope, "
            "deferred, decision, decisions, open questions, questions, rollback, rollback plan, cost, budget, "
            "deadline, due, estimated complexity, impact score, design, technical approach, example, examples, "
            "references, reference, commit, parallelization, scope in, in scope, dates, start, end, role, roles, "
            "technologies, tech, tools, resources, key decisions, motivation, problem"
        ),
        "de": "ziel, ziele, dauer, aufwand, zweck, beschreibung, zeitraum, prioritat",
        "fr": "objectif, objectifs, but, duree, effort, description, priorite",
        "es": "objetivo, objetivos, meta, duracion, esfuerzo, descripcion, prioridad",
        "pt": "objetivo, objetivos, meta, duracao, esforco, descricao, prioridade",
        "zh": "目标, 目標, 时间, 工期, 预计时间, 描述, 说明, 优先级, 负责人",
        "ja": "目的, 目標, 期間, 説明, 概要, 工数, 優先度",
    },
}

BY_LABEL: dict[str, str] = {
    label: field for field, rows in reversed(LABELS.items()) for words in rows.values() for label in words.split(", ")
}
CANONICAL = frozenset(label for rows in LABELS.values() for label in rows.get("canonical", "").split(", "))
# What may stand before a label, in any number: "Phase 1 Key Deliverables".
_EARLIER = re.compile(
    r"(?:[\W\d_]+|(?:phase|milestone|stage|sprint|step)\s+\d+[a-z]?['’s]*\s*[:.–—-]*\s*|(?:key|main|core|primary|expected|required|major|the|specific|detailed|additional|planned|phase|technical|manual|automated)\s+)"
)
# What opens a task, a list of commands, a field in the midst of a list.
NUMBERED = re.compile(
    r"(?:(?:task|step|story|ticket|aufgabe|tache|tarea|tarefa)\s+)?[a-z]?\d{1,3}(?:[.\-]\d{1,3}){0,3}[a-z]?[.):]?\s+\S|(?:task|step|story)\s+\w{1,6}\s*[:.–—-]"
)
RUNS = re.compile(
    r"(?<!\w)(?:verify|verified|validate|test|tests|check|run|prove|confirm|prufen|verifier|verificar|验证|测试|検証)(?!\w)"
)
BOLD_LABEL = re.compile(r"\*\*[^*\n]{1,40}(?::\*\*|\*\*\s*[:：])")
_SPLIT = re.compile(r"\s*[:：]\s*|\s+[–—-]\s+")
MAX_LABEL = 60


class Label(NamedTuple):
    """`sure`: 1.0 for the canonical words. `rest`: what stands behind the colon, `colon` whether there is one."""

    field: str
    rest: str
    sure: float
    colon: bool


def label_of(text: str) -> Label | None:
    """The field that a line, a bold text or a heading names, or None."""
    line = text.partition("\n")[0]
    cut = _SPLIT.search(line, 0, MAX_LABEL + 8)
    head = line[: cut.start()] if cut else line
    if len(head) > MAX_LABEL:
        return None
    found = _named(head)
    if not found:
        return None
    field, sure = found
    return Label(field, line[cut.end() :] if cut else "", sure, bool(cut))


def _named(head: str) -> tuple[str, float] | None:
    words = " ".join(fold(head).strip(" \t*_:：.!?`").split())
    sure = 1.0
    for _ in range(5):
        if words in BY_LABEL:
            return BY_LABEL[words], sure if words in CANONICAL else min(sure, 0.8)
        earlier = _EARLIER.match(words)
        bracket = words.rfind("(")
        if earlier and earlier.end() < len(words):
            words = words[earlier.end() :]
        elif bracket > 0 and words.endswith(")"):
            words = words[:bracket].strip()
        else:
            return None
        sure = 0.9
    return None
