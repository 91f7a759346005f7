"""The words by which people name phases and their fields, by language. A table only; docs/reference/spec.md shows it.

Everything is compared in small letters without accents (`plain`).
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

# A word that nearly always counts phases of work, and those that count much else too (steps of an installation): these
# count only where the section or the document says that it plans.
PHASE_WORDS: dict[str, tuple[str, ...]] = {
    "en": ("phase", "milestone", "sprint"),
    "de": ("phase", "meilenstein", "etappe"),
    "fr": ("phase", "jalon"),
    "es": ("fase", "hito", "sprint"),
    "pt": ("fase", "marco"),
    "it": ("fase", "traguardo"),
    "nl": ("fase", "mijlpaal"),
    "pl": ("faza", "etap", "kamien milowy"),
    "ru": ("фаза", "этап", "веха"),
    "uk": ("фаза", "етап"),
    "cs": ("faze",),
    "sv": ("fas",),
    "fi": ("vaihe",),
    "id": ("tahap", "fase"),
    "vi": ("giai đoan",),
    "ar": ("المرحلة",),
    "tr": ("asama", "faz"),
}
WEAK_PHASE_WORDS: dict[str, tuple[str, ...]] = {
    "en": (
        "stage",
        "step",
        "iteration",
        "part",
        "week",
        "day",
        "increment",
        "wave",
        "release",
        "epic",
        "workstream",
        "slice",
        "tier",
        "batch",
        "priority",
    ),
    "de": ("schritt", "stufe", "teil", "woche", "prioritat"),
    "fr": ("etape", "partie", "semaine", "lot", "priorite"),
    "es": ("etapa", "paso", "parte", "semana", "iteracion", "prioridad"),
    "pt": ("etapa", "passo", "parte", "semana", "iteracao", "prioridade"),
    "it": ("passo", "parte", "tappa"),
    "nl": ("stap", "deel"),
    "pl": ("krok", "czesc"),
    "ru": ("шаг", "часть"),
    "tr": ("adim",),
    "vi": ("ngay", "tuan", "buoc"),
}
# These count phases only as headings or bold lines: elsewhere they count what one phase has to do.
TASK_WORDS: dict[str, tuple[str, ...]] = {
    "en": ("task", "pr", "chunk", "branch", "ticket", "track", "block", "work package"),
    "de": ("aufgabe", "arbeitspaket"),
    "fr": ("tache",),
    "es": ("tarea",),
    "pt": ("tarefa",),
}
# These count nothing else than work.
SURE_WORDS = frozenset(
    ("milestone", "sprint", "meilenstein", "jalon", "hito", "mijlpaal", "里程碑", "マイルストーン", "마일스톤")
)
# Chinese, Japanese and Korean write no spaces and may put the number before the word.
CJK_WORDS = ("阶段", "階段", "里程碑", "迭代", "フェーズ", "段階", "マイルストーン", "스프린트", "단계", "마일스톤")
CJK_WEAK = ("步骤", "步驟", "ステップ", "第一步", "周", "步")
NUMBER_WORDS: dict[str, str] = {
    word: str(number)
    for words in (
        "zero one two three four five six seven eight nine ten eleven twelve",
        "zeroth first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth",
        "null eins zwei drei vier funf sechs sieben acht neun zehn",
        "nullte erste zweite dritte vierte funfte sechste siebte achte neunte zehnte",
        "zero un deux trois quatre cinq six sept huit neuf dix",
        "_ premiere deuxieme troisieme quatrieme cinquieme sixieme septieme huitieme neuvieme dixieme",
        "cero uno dos tres cuatro cinco seis siete ocho nueve diez",
        "_ primera segunda tercera cuarta quinta sexta septima octava novena decima",
        "zero um dois tres quatro cinco seis sete oito nove dez",
        "_ primeira segunda terceira quarta quinta sexta setima oitava nona decima",
    )
    for number, word in enumerate(words.split())
    if word != "_"
}
CJK_DIGITS = {char: str(number) for number, char in enumerate("零一二三四五六七八九十")}
ROMAN = re.compile(r"(?=[ivx])(x{0,3})(ix|iv|v?i{0,3})\Z")


@lru_cache(maxsize=4096)
def plain(text: str) -> str:
    """*text* in small letters, without accents, its white space single."""
    if text.isascii():
        return " ".join(text.lower().split())
    folded = unicodedata.normalize("NFKD", text.casefold())
    return " ".join("".join(char for char in folded if not unicodedata.combining(char)).split())


def number_of(word: str) -> str:
    """The number that *word* (plain) stands for: `2a`, `iii` → `3`, `two` → `2`, `二` → `2`; empty for none."""
    if re.fullmatch(r"\d{1,3}(?:\.\d{1,2}){0,2}[a-z]?", word):
        return word
    roman = ROMAN.match(word)
    if roman:
        tens, ones = roman.groups()
        return str(10 * len(tens) + {"ix": 9, "iv": 4}.get(ones, (5 if "v" in ones else 0) + ones.count("i")))
    if word and all(char in CJK_DIGITS for char in word):
        return _cjk_number(word)
    if re.fullmatch(r"[a-h]", word):
        return word
    return NUMBER_WORDS.get(word, "")


def _cjk_number(word: str) -> str:
    tens, ten, ones = word.partition("十")
    if not ten:
        return "".join(CJK_DIGITS[char] for char in word)
    return str(10 * int(CJK_DIGITS.get(tens, "1")) + int(CJK_DIGITS.get(ones, "0")))


def fold(text: str) -> str:
    """*text* in small letters without accents and as long as before: a place in one is the place in the other."""
    if text.isascii():
        return text.lower()
    return "".join(map(_fold_char, text))


CJK = 0x2E80


@lru_cache(maxsize=2048)
def _fold_char(char: str) -> str:
    if ord(char) > CJK:  # kana would lose the marks that tell them apart
        return char
    first = unicodedata.normalize("NFKD", char)[:1].lower()
    return first if len(first) == 1 else char


DONE_WORDS = (
    "done", "complete", "completed", "finished", "shipped", "implemented", "landed", "merged", "closed", "released",
    "erledigt", "fertig", "abgeschlossen", "termine", "terminee", "fait", "completado", "completada", "terminado",
    "hecho", "concluido", "concluida", "feito", "finalizado", "finalizada", "完成", "已完成", "完了", "済", "완료", "완료됨", "completato", "completata",
    "fatto", "klaar", "afgerond", "voltooid", "gotowe", "zakonczone", "готово", "завершено", "завершен", "выполнено", "verified", "delivered",
    "implemente", "implementee", "implementado", "implementada", "umgesetzt", "all done",
)  # fmt: skip
STATUS_WORDS = (
    *DONE_WORDS,
    "in progress", "in-progress", "ongoing", "wip", "pending", "planned", "todo", "to do", "not started", "started", "next",
    "current", "current phase", "this phase", "active", "blocked", "deferred", "ready", "partial", "partially done", "partially complete", "up next",
    "mostly", "upcoming", "on hold", "cancelled", "proposed", "now", "locked", "you are here", "we are here", "in arbeit", "offen", "geplant",
    "en cours", "a faire", "prevu", "en progreso", "en curso", "pendiente", "planificado", "em andamento", "pendente",
    "planejado", "in corso", "da fare", "bezig", "gepland", "laufend", "в процессе", "в работе", "запланировано", "진행 중", "진행중", "예정", "대기", "미착수",
    "in review", "under review", "partially", "blocked on", "future", "futuro", "futura", "다음",
    "checkpoint", "持续", "进行中", "未开始", "待开始", "计划中", "進行中", "未着手", "予定",
)  # fmt: skip
DURATION_WORDS = (
    r"\d+(?:[.,]\d+)?\s*[-–—~〜]?\s*(?:\d+(?:[.,]\d+)?)?\+?\s*"
    r"(?:minutes?|mins?|hours?|hrs?|h|days?|d(?!\s+[a-z])|weeks?|wks?|w|months?|mo|years?|sprints?|sessions?|pts?|points?|story points"
    r"|tage?n?|wochen?|stunden?|monate?|jours?|semaines?|heures?|mois|dias?|semanas?|horas?|tuan|ngay|thang|hafta|gun|settiman\w|giorn\w|weken|dagen|uur|недел\w{1,2}|дн\w{1,2}|месяц\w{0,2}|주차?|일차?|개월|mes(?:es)?|天|周|週間?|日間?|小时|時間|个月|か月|ヶ月|月)(?!\w)"
    r"|(?:weeks?|days?|months?|sprints?|tuan|ngay|woche|wochen|tage?|semaines?|jours?|semanas?|dias?|mes(?:es)?|mois|wk|w|d)\.?\s*[-–]?\d+(?!\w)(?:\s*(?:[-–—+&]|to|bis|a|and|und|et|y|e)\s*\d+)?\+?"
    r"|スプリント\s*\d+(?:\s*[-–—〜~]\s*\d+)?|第?\s*\d+\s*[-–—~至到〜]?\s*\d*\s*(?:周|週|天|日|月|小时)"
    r"|q[1-4](?:\s*[-–/]\s*q[1-4])?(?:\s*\d{4})?|20\d\d(?:[-/.]\d{1,2}){0,2}"
    r"|(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)(?!\w)\.?(?:\s+\d{1,2})?(?:,?\s+\d{4})?"
    r"|半[天日]|half a day|one (?:day|week|sprint)"
)
# With one of these behind its number, "Phase 1 …" is a part of that phase or a word about it, not its title.
NOT_TITLES = frozenset(
    "tasks task deliverables deliverable criteria checklist summary results result status goals goal objectives objective"
    " timeline requirements notes risks risk exit acceptance success complete completion completed done of is are was were"
    " will would should must can could may has have had and or to in on at by for from with when if then also only"
    " depends gate gates scope outcome outcomes output outputs files tests testing verification estimate estimates total"
    " budget cost costs review retrospective metrics dependencies validation progress report decisions items starts ends"
    " begins implementation details overview plan spec prompt priorities steps step ist sind wird est sont es son e sao".split()
)
# Headings under which phases of work stand, and headings under which the same words count something else.
PLAN_WORDS = re.compile(
    r"(?<!\w)(?:implementation|implementing|roadmap|road map|plan|planning|phases|phasing|milestones|timeline|schedule|rollout|roll-out"
    r"|delivery|development|build order|build plan|build sequence|execution|course of action|migration|sprints?|backlog|iterations|cycle|next steps"
    r"|build|epics|workstreams|slices|increments"
    r"|work breakdown|workplan|todo|tasks|task (?:list|breakdown)"
    r"|umsetzung\w*|implementierung\w*|phasen|meilensteine|entwicklung\w*|fahrplan|zeitplan|projektplan|feuille de route|plan d\S*"
    r"|mise en oeuvre|realisation|jalons|hoja de ruta|implementacion|fases|hitos|cronograma|implementacao|roteiro|marcos"
    r"|piano|fasi|fasen|etapy|fazy|fazlar|asamalar|yol haritasi|plano|этапы|план|дорожная карта|дорожня карта|ke hoach|lo trinh|rencana|خطة)(?!\w)"
    r"|实施|实现计划|计划|规划|路线图|(?:开发|实施|项目)阶段|阶段划分|阶段目标|里程碑"
    r"|実装|ロードマップ|計画|フェーズ|マイルストーン|実装の順序|로드맵|계획|기획서|전략|(?:개발|구현|실행|추진)\s*단계|마일스톤"
)
# Of these the ones that head much else too: a build's steps, notes about an implementation.
LOOSE_PLAN_WORDS = re.compile(
    r"(?<!\w)(?:implementation (?:details?|notes?|guidelines?|considerations)|implementing|delivery|development|execution|migration"
    r"|cycle|build(?! (?:order|plan|sequence)\b)|entwicklung|realisation)(?!\w)"
)
# The heading of a list whose entries need no number of their own.
PHASES_HEADING = re.compile(
    r"(?:\d{1,2}(?:\.\d{1,2})?[.)]?\s+)?(?:[\w-]+\s+){0,3}?(?:phases|milestones|sprints|iterations"
    r"|[\w]*phasen|meilensteine|jalons|fases|hitos|marcos|fasi|fasen|этапы)"
    r"(?:\s+(?:of|de|der|du|do|da)\s+\w+|\s*(?:&|and|und|et|y|e|/)\s*[\w-]+)?\s*:?\Z"
    r"|(?:实施|开发|实现)?(?:阶段|里程碑)(?:划分|计划)?\Z|フェーズ\Z|マイルストーン\Z"
)
PHASES_WORDS = re.compile(
    r"(?<!\w)(?:phases|milestones|sprints|iterations|phasen|meilensteine|jalons|fases|hitos|marcos|fasi|fasen|phase plan|phase breakdown"
    r"|phased (?:plan|roadmap|implementation|delivery|rollout))(?!\w)"
    r"|(?:实施|开发|实现)?阶段(?:划分|计划)?\Z|里程碑|フェーズ|マイルストーン|этапы|(?:개발|구현|실행|추진)\s*단계|단계(?:와|\s*및|\s*계획)|마일스톤"
)
OTHER_WORDS = re.compile(
    r"(?<!\w)(?:install\w*|getting started|quick ?start|usage|how to|how it works|handshake|protocol|algorithm|pipeline|architecture"
    r"|workflow|journey|troubleshooting|examples?|lifecycle|life cycle|methodology|process flow"
    r"|flow|flows|tutorial|walkthrough|compilation|compiler|boot|startup"
    r"|state machine|request|training loop|game loop|gameplay|verwendung|ablauf"
    r"|utilisation|uso|instalacion|instalacao|prerequisites|moon|incident|troubleshoot|onboarding|theory|background"
    r"|related work|appendix|template|api|reference|messages?|format|reviews?|logs?|journal|paper|regimes?|diagram"
    r"|operation|course|lecture|stage details|process|processing|internals|mechanism|turn|rules|combat|battle|data model)(?!\w)"
    r"|安装|使用|用法|インストール|使い方|流程"
)
# Titles of what frames a list of phases and is none of them.
FRAME = re.compile(
    r"(?:[\d.]+\s+)?(?:(?:[\w-]+\s+){0,3}(?:overview|summary|introduction|graph|chart|diagram|legend|matrix|assessment|allocation"
    r"|conventions|references|appendix|glossary|path|order|metrics|principles|assumptions|considerations|strategy at a glance)"
    r"|(?:(?:known|key|open|major|project|and|&|success|acceptance|exit) )*(?:risks|mitigations?|questions|issues|criteria"
    r"|dependencies|notes|goals|non-goals|scope)"
    r"(?:\s*(?:&|and|/)\s*\w+)?|timeline|schedule|background|context|conclusion|next steps|how to .*|(?:current )?status|definition of done"
    r"|ubersicht|zusammenfassung|risiken|resumen|riesgos|resumo|riscos|resume|risques|概述|总结|風險|风险|概要|リスク|개요|요약)\s*:?\Z"
)
# What has been, not what is to be done.
HISTORY_WORDS = re.compile(
    r"(?<!\w)(?:changelog|change log|history|release notes|what's new|news)(?!\w)|変更履歴|更新日志|更新履歴"
)
