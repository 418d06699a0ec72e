"""Small words of many languages: what a sentence is held together by, and what a short reply says no or asks with."""

from __future__ import annotations

__all__ = ["ASKING", "CLOSE_DECLINING", "CLOSE_SMALL", "DECLINING", "KNOWN_SCRIPTS", "SMALL", "words_of"]


def words_of(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


KNOWN_SCRIPTS = frozenset(("LATIN", "CYRILLIC", "GREEK", "ARABIC", "HEBREW", "DEVANAGARI"))
"""Scripts of which words are listed here; of others, any words will do."""

DECLINING = words_of(
    """
    no nope none nothing never neither nor not cannot can't don't doesn't didn't won't couldn't isn't aren't wasn't
    unable sorry unfortunately impossible unavailable unsupported without apologies
    nein nicht kein keine keinen keiner leider unmöglich non ne pas aucun aucune rien impossible désolé désolée
    no nada ningún ninguna ninguno imposible não nenhum nenhuma infelizmente desculpe nessun nessuno nessuna spiacente
    nee niet geen helaas sorry nej inte ingen ikke inget tyvärr dessverre desværre ei
    nie ne není nelze bohužel niestety przepraszam hayır değil yok üzgünüm tidak bukan maaf không
    nici nem nincs sajnos
    нет не нельзя никак извините увы жаль ні немає не няма δεν όχι κανένα συγγνώμη δυστυχώς
    لا ليس لن آسف عذرا לא אין סליחה नहीं क्षमा
    """
)

ASKING = words_of(
    """
    what which when where who whom whose why how could would can should do does did is are may
    was welche welcher welches wann wo wer wie warum wohin können quel quelle quand où qui comment pourquoi
    qué cuál cuándo dónde quién cómo qual quando onde quem como quale dove chi come wat welke wanneer waar wie hoe
    что какой какая какие когда где кто как куда τι ποιο πότε πού ποιος πώς ما ماذا متى أين מה מתי איפה איזה क्या कब कहाँ
    """
)

SMALL = (
    DECLINING
    | ASKING
    | words_of(
        """
    a an the this that these those it its i i'm i'd i'll i've me my we our us you your he she they them their
    and or but if so because as than then there here any some all each other more only just too very also still yet
    of to in on at by for from with about into over under between through out up off per via
    be been being am has have had having will must might let let's please need needs help tool tools function functions
    der die das den dem des ein eine einen einem einer ich du er sie es wir ihr mir mich ihnen dir dich und oder aber
    wenn dass ist sind hat habe haben kann können könnte mit für von zu zum zur auf aus bei nach über dafür dabei diese
    dieser bitte mehr auch nur
    le la les un une des du de je tu il elle nous vous ils et ou mais si que ce cette ces est sont ai avez avoir peux
    peut pourriez avec pour dans sur sans par plus mon ma votre s'il j'ai n'ai d'outil d'outils c'est n'est qu'il
    el los las una unos lo yo él ella nosotros usted y o pero es son está tengo tiene hay puedo puede podría con para
    por en sin sobre más mi tu su esta este estas estos eso
    os uma uns eu ele ela você e ou mas se é são está tenho tem posso pode poderia com em no na nos nas do da dos das
    mais meu sua esse essa isso
    il gli i lo uno io lui lei noi voi è sono ho ha posso può potrebbe di del della per su tra che più mio questo questa
    questi
    het de een ik jij u wij zij en of maar als dat is zijn heb heeft kan kunt kunnen met voor van te op uit bij naar
    deze dit meer
    jag du han hon vi ni de och eller men om att det den ett är har kan med för av till på från detta dessa jeg vi dere
    og er på fra dette disse noen du
    minä sinä hän me te he ja tai mutta jos että se on ovat voi voin minulla tämä nämä en ole
    ja ty on ona my wy i lub ale jeśli że to jest są mam ma mogę może z w na do od dla tego tym te się
    já ty my vy a nebo ale když že je jsou mám má mohu může s v na do od pro této tento to se
    ben sen o biz siz onlar ve veya ama eğer bu şu bir için ile var mı mi olan
    saya aku anda kami kita dia dan atau tetapi jika yang ini itu untuk dengan di ke dari ada bisa dapat
    tôi bạn chúng và hoặc nhưng nếu này đó là có thể với cho của trong xin lỗi
    eu tu el noi voi și sau dar dacă că este sunt am are nu pot poate cu pentru de la din în acest această
    én te ő mi ti ők és vagy de ha hogy az egy van vannak tudok tud ez ezek
    я ты он она мы вы они и или но если что это у меня мне вас вам мой есть могу может для с в на к по от из за о так
    ви він вона ми вони та або але якщо що це є можу може з до від
    ο η το οι τα του της των εγώ εσύ και ή αλλά αν ότι αυτό είναι έχω μπορώ με για από σε στο να μου σας
    أنا أنت هو هي نحن هم و أو لكن إذا أن هذا هذه في من على إلى مع عن لدي يمكنني لك
    אני אתה הוא היא אנחנו הם או אבל אם זה זו של את על עם אל לי לך יש יכול כדי
    मैं आप वह यह हम और या लेकिन अगर कि है हैं हूँ का की के को में से पर लिए इस कर सकता सकती
    """
    )
)

CLOSE_DECLINING = words_of(
    """
    不 没 沒 無 无 抱歉 对不起 對不起 ません ない でき すみません 죄송 없 못 아니 않
    ไม่ ขออภัย ไหม อะไร ບໍ່ មិន မ
    """
)

CLOSE_SMALL = frozenset("的了是我你您在有这這那么麼吗嗎请請能可和或のはがをにでともかねすたう다요까은는이가을를에의고")
