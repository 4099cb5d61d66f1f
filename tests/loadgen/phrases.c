/* phrases: see phrases.h. */
#include "tests/loadgen/phrases.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/base/xalloc.h"

enum { EACH = 256, OF_BOT = 3, SENTENCES = 12 };

/* The texts as they appear in a record, already escaped. */
static const char *const said[][SENTENCES] = {
	{
	    "ok",
	    "thanks!",
	    "yes, please",
	    "is anybody there?",
	    "good morning, I need help",
	    "it still does not work",
	    "the parcel arrived damaged",
	    "how long does delivery take?",
	    "I was charged twice",
	    "can I change the address?",
	    "the page says \\\"declined\\\" again",
	    "path C:\\\\temp\\\\log",
	},
	{
	    "bom dia",
	    "obrigado!",
	    "Ol\\u00e1, tudo bem?",
	    "não recebi o código",
	    "preciso de ajuda com o pedido",
	    "qual é o prazo de entrega?",
	    "a fatura veio errada",
	    "já paguei ontem",
	    "quero falar com um atendente",
	    "linha um\\nlinha dois",
	    "não, é só isso",
	    "até amanhã",
	},
	{
	    "hola",
	    "¿dónde está mi paquete?",
	    "gracias, muy amable",
	    "no puedo entrar en mi cuenta",
	    "¿cuánto cuesta el envío?",
	    "me cobraron dos veces",
	    "sí, por favor",
	    "un momento",
	    "caf\\u00e9 \\u20ac 12,50",
	    "quiero cancelar el pedido",
	    "el enlace no funciona",
	    "hasta mañana",
	},
	{
	    "здравствуйте",
	    "спасибо 👍",
	    "где мой заказ?",
	    "не могу войти в личный кабинет",
	    "деньги списали два раза",
	    "да",
	    "нет, это всё",
	    "сколько стоит доставка?",
	    "помогите, пожалуйста",
	    "код не пришёл",
	    "ещё не работает",
	    "до свидания",
	},
	{
	    "مرحبا",
	    "شكرا جزيلا",
	    "أين طلبي؟",
	    "لم يصل الرمز",
	    "نعم من فضلك",
	    "كم تكلفة التوصيل؟",
	    "أحتاج إلى مساعدة",
	    "الصفحة لا تعمل",
	    "تم الدفع مرتين",
	    "لا، هذا كل شيء",
	    "لحظة واحدة",
	    "إلى اللقاء",
	},
	{
	    "नमस्ते",
	    "धन्यवाद 🙏",
	    "मेरा ऑर्डर कहाँ है?",
	    "कोड नहीं आया",
	    "हाँ जी",
	    "डिलीवरी कब होगी?",
	    "मुझे मदद चाहिए",
	    "पैसे दो बार कट गए",
	    "ठीक है",
	    "एक मिनट",
	    "पता बदलना है",
	    "फिर मिलेंगे",
	},
	{
	    "你好",
	    "谢谢",
	    "我的包裹在哪里？",
	    "没有收到验证码",
	    "请帮帮我",
	    "运费是多少？",
	    "付款失败了",
	    "好的",
	    "还是不行",
	    "我想退款",
	    "请稍等",
	    "再见",
	},
	{
	    "こんにちは",
	    "ありがとう",
	    "荷物が届きません",
	    "はい、お願いします",
	    "コードが来ない",
	    "送料はいくらですか",
	    "助けてください",
	    "まだ動きません",
	    "少々お待ちください",
	    "返品したいです",
	    "いいえ",
	    "great \\ud83d\\ude00",
	},
	{
	    "guten Tag",
	    "danke schön",
	    "wo bleibt meine Bestellung?",
	    "das geht immer noch nicht",
	    "könnten Sie das prüfen?",
	    "der Betrag wurde doppelt abgebucht",
	    "ja, bitte",
	    "Grüße",
	    "die Straße heißt jetzt anders",
	    "https:\\/\\/example.com\\/a",
	    "einen Moment",
	    "nein, das war alles",
	},
};

static const char *const answers[OF_BOT] = {
	"Welcome! An operator will be with you shortly.",
	"You are number 3 in the queue.",
	"Please rate this conversation from 1 to 5.",
};

/* Every other text has two sentences. */
static struct text
make(struct style *s, struct dice *d, const char *const *from, size_t i)
{
	const char *first = from[dice_below(d, SENTENCES)];
	char text[512];

	if (i % 2 == 0)
		return piece_string(s, "text", first);
	snprintf(
	    text, sizeof text, "%s %s", first, from[dice_below(d, SENTENCES)]);
	return piece_string(s, "text", text);
}

void
phrases_init(struct phrases *p, struct style *s)
{
	struct dice d = { 17 };
	size_t l, i;

	p->languages = ARRAY_LEN(said);
	p->pieces = xcalloc(p->languages * EACH, sizeof *p->pieces);
	p->bot = xcalloc(OF_BOT, sizeof *p->bot);
	for (l = 0; l < p->languages; l++)
		for (i = 0; i < EACH; i++)
			p->pieces[l * EACH + i] = make(s, &d, said[l], i);
	for (i = 0; i < OF_BOT; i++)
		p->bot[i] = piece_string(s, "text", answers[i]);
}

struct text
phrases_pick(const struct phrases *p, struct dice *d, size_t language)
{
	return p->pieces[language * EACH + dice_below(d, EACH)];
}

struct text
phrases_bot(const struct phrases *p, struct dice *d)
{
	return p->bot[dice_below(d, OF_BOT)];
}

void
phrases_release(struct phrases *p)
{
	free(p->pieces);
	free(p->bot);
}
