"""eSpeak's voices by name, and which script is read by which."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from child.engine import SettingsError, VoiceNotFound
from child.espeak_library import VoiceFile
from child.scripts import split_runs
from supervisor.wire.messages import Setting

#: Who reads a script unless the settings say otherwise. Han beside kana goes to `han` too:
#: eSpeak's Japanese knows no kanji and says "Chinese letter" for each.
DEFAULT_VOICES = {
    "latin": "en-us",
    "han": "cmn",
    "kana": "ja",
    "hangul": "ko",
    "cyrillic": "ru",
    "greek": "el",
    "arabic": "ar",
    "hebrew": "he",
    "devanagari": "hi",
    "bengali": "bn",
    "gujarati": "gu",
    "gurmukhi": "pa",
    "oriya": "or",
    "tamil": "ta",
    "telugu": "te",
    "kannada": "kn",
    "malayalam": "ml",
    "sinhala": "si",
    "thai": "th",
    "myanmar": "my",
    "georgian": "ka",
    "armenian": "hy",
    "ethiopic": "am",
    "cherokee": "chr",
    "shavian": "en-shaw",
}

#: Scripts of the languages that are not written in Latin letters (alone). By voice name, as
#: tried with each dictionary: `uz` reads both its alphabets, `ku` only the Latin one.
_SCRIPTS_OF: dict[str, tuple[str, ...]] = {
    "cmn": ("han",),
    "cmn-latn-pinyin": ("han", "latin"),
    "yue": ("han",),
    "yue-latn-jyutping": ("han", "latin"),
    "ja": ("kana",),
    "ko": ("hangul",),
    "el": ("greek",),
    "grc": ("greek",),
    "he": ("hebrew",),
    "th": ("thai",),
    "ka": ("georgian",),
    "hy": ("armenian",),
    "hyw": ("armenian",),
    "am": ("ethiopic",),
    "ti": ("ethiopic",),
    "chr": ("cherokee",),
    "en-shaw": ("shavian",),
    "gu": ("gujarati",),
    "pa": ("gurmukhi",),
    "or": ("oriya",),
    "ta": ("tamil",),
    "te": ("telugu",),
    "kn": ("kannada",),
    "ml": ("malayalam",),
    "si": ("sinhala",),
    **dict.fromkeys(("ar", "fa", "ur", "ug", "sd"), ("arabic",)),
    **dict.fromkeys(("hi", "mr", "ne", "kok"), ("devanagari",)),
    **dict.fromkeys(("bn", "as", "bpy"), ("bengali",)),
    **dict.fromkeys(("my", "shn"), ("myanmar",)),
    **dict.fromkeys(("ru", "ru-cl", "ru-lv", "uk", "be", "bg", "mk"), ("cyrillic",)),
    **dict.fromkeys(("kk", "ky", "ba", "cv", "tt", "nog"), ("cyrillic",)),
    **dict.fromkeys(("sr", "bs", "hr", "uz"), ("latin", "cyrillic")),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A stretch of text and the identifier of the voice that reads it."""

    identifier: str
    text: str


class VoiceBook:
    """Every voice that can be used, by name.

    A name is the last part of the identifier in small letters (`en-us`, `cmn`, `fr-be`). Known
    as well: its title, its language tags, and `NAME+VARIANT` (`en-us+f3`).
    """

    def __init__(self, files: list[VoiceFile], data_path: Path) -> None:
        self.files = {_name_of(voice): voice for voice in files if _has_dictionary(voice, data_path)}
        self._aliases = _aliases(self.files)
        variants = data_path / "voices" / "!v"
        self._variants = {path.name for path in variants.iterdir()} if variants.is_dir() else set[str]()

    def find(self, name: str) -> str:
        """Return the name of a voice (perhaps with `+VARIANT`) as this book writes it.

        Raises:
            VoiceNotFound: If there is none.
        """
        base, plus, variant = name.partition("+")
        found = self._aliases.get(base.strip().lower())
        if found is None or (plus and variant not in self._variants):
            raise VoiceNotFound(f"eSpeak has no voice {name!r}; `tts-supervisor voices` lists them")
        return found + plus + variant

    def identifier(self, found: str) -> str:
        """Return what eSpeak calls a voice that `find` returned."""
        base, plus, variant = found.partition("+")
        return self.files[base].identifier + plus + variant

    def cast(self, settings: Mapping[str, Setting], voice: str | None) -> dict[str, str]:
        """Return the voice of every script: the defaults, then the settings, then the asked one.

        Raises:
            VoiceNotFound: If the asked one does not exist.
            SettingsError: If a setting names none that does.
        """
        cast = {script: self._set_for(script, settings) for script in DEFAULT_VOICES}
        if voice is not None:
            found = self.find(voice)
            cast |= dict.fromkeys(scripts_of(found), found)
        return cast

    def _set_for(self, script: str, settings: Mapping[str, Setting]) -> str:
        name = _voice_setting(settings, script)
        try:
            return self.find(name)
        except VoiceNotFound as error:
            raise SettingsError(f"engine.espeak.voice_{script}: {error}") from error

    def passages(self, text: str, cast: Mapping[str, str], neutral: str) -> list[Passage]:
        """Cut a text so that each part is read by a voice that can; `neutral` reads what has no script."""
        passages: list[Passage] = []
        for run in split_runs(text):
            identifier = self.identifier(cast[run.script] if run.script else neutral)
            if passages and passages[-1].identifier == identifier:
                passages[-1] = Passage(identifier=identifier, text=passages[-1].text + run.text)
            else:
                passages.append(Passage(identifier=identifier, text=run.text))
        return passages


def scripts_of(found: str) -> tuple[str, ...]:
    """Return the scripts that a voice reads, by its name in the book."""
    return _SCRIPTS_OF.get(found.partition("+")[0], ("latin",))


def _voice_setting(settings: Mapping[str, Setting], script: str) -> str:
    value = settings.get(f"voice_{script}", DEFAULT_VOICES[script])
    if not isinstance(value, str):
        raise SettingsError(f"engine.espeak.voice_{script} = {value!r} is no voice name")
    return value


def _name_of(voice: VoiceFile) -> str:
    return voice.identifier.rpartition("/")[2].lower()


def _has_dictionary(voice: VoiceFile, data_path: Path) -> bool:
    # The wheel lists a few languages without their dictionary (Faroese, Karakalpak): such a voice
    # speaks no word. A voice file names its dictionary, or has that of its language.
    lines = (data_path / "lang" / voice.identifier).read_text(encoding="utf-8").splitlines()
    named = [line.split()[1] for line in lines if line.startswith("dictionary")]
    language = voice.languages[0].split("-", 1)[0]
    return (data_path / f"{(named or [language])[0]}_dict").is_file()


def _aliases(files: Mapping[str, VoiceFile]) -> dict[str, str]:
    aliases: dict[str, str] = {}
    for name, voice in files.items():
        for alias in (voice.title, voice.identifier, *voice.languages):
            aliases.setdefault(alias.lower(), name)
    return aliases | {name: name for name in files}  # a name always means itself
