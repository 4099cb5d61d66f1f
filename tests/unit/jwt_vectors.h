/*
 * jwt_vectors: valid and forged bearer tokens, made by jwt_vectors.py, with the
 * expected result of each: '+' and the tenant, or a part of the reason for
 * refusal.
 */
#ifndef TESTS_JWT_VECTORS_H
#define TESTS_JWT_VECTORS_H

#define VECTOR_KEY "0123456789abcdef0123456789abcdef"
#define VECTOR_OLD_KEY "fedcba9876543210fedcba9876543210"

struct vector {
	const char *token, *want;
};

static const struct vector vectors[] = {
	{ "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ0ZW5hbnRfaWQiOiJhY21"
	  "lIiwiZXhwIjoxNzk1MTcyNDAwfQ.8T9eVZmRO7SeB100Hgj2DXrdpWPy8aQJ"
	  "QqTB540hhn4",
	    "+acme" },
	{ "eyJhbGciOiJIUzI1NiJ9.eyJ0ZW5hbnRfaWQiOiJhY21lIiwiZXhwIjoxNzk"
	  "1MTcyNDAwfQ.-YfMEvGupvHLaGa4n2Eb24WycP1RoquUFwo-XGN05PI",
	    "+acme" },
	{ "eyJhbGciOiJIUzI1NiIsImtpZCI6IjIwMjYtMTEifQ.eyJ0ZW5hbnRfaWQiO"
	  "iJhY21lIiwiZXhwIjoxNzk1MTcyNDAwfQ.VAB1ax5nSBi3EEg0FcrNiIm1qA"
	  "iiiEcSLuFEBhbt_8Q",
	    "+acme" },
	{ "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ0ZW5hbnRfaWQiOiJhY21"
	  "lIiwiZXhwIjoxNzk1MTcyNDAwfQ.GO08QsyQ1wWgurOGZRL18GC3XULE8rYV"
	  "r6z93srcmsQ",
	    "+acme" },
	{ "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ0ZW5hbnRfaWQiOiJhY21"
	  "lIiwiZXhwIjoxNzk1MTY4NzQxfQ.KfMoZieg0UXeSgYfMT_IRs14_ofaUy1T"
	  "aAJGXwfH8H4",
	    "+acme" },
	{ "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ0ZW5hbnRfaWQiOiJhY21"
	  "lIiwiZXhwIjoxNzk1MTcyNDAwLCJuYmYiOjE3OTUxNjg4NjAsImlhdCI6MTc"
	  "5NTE2ODg2MH0.t4Eed6w4yozPEKtoC56RFaZDPR2NH2x3uNlDYGAJbII",
	    "+acme" },
	{ "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ0ZW5hbnRfaWQiOiJhY21"
	  "lIiwiZXhwIjoxNzk1MTcyNDAwLCJpc3MiOiJ1cyIsImF1ZCI6WyJ4IiwidGh"
	  "lbSJdfQ.c46d48KVkPoITamgGeNihI4I9mL6YOOJkj6B_qyN87A",
	    "+acme" },
	{ "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ0ZW5hbnRfaWQiOiJhY21"
	  "lIiwiZXhwIjoxLjhlOX0.HtiHTWgr2_7nzhAJfPQJ7DVDrPwY7E_vXMRXOxs"
	  "ZMFI",
	    "+acme" },
	{ "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ0ZW5hbnRfaWQiOiJhY21"
	  "lIiwiZXhwIjoxNzk1MTY4ODAwLjUsImlhdCI6MS41fQ.cJ5NhFKijkdIRodq"
	  "aweWhaYVAoIRDwVAehYflE8_wuo",
	    "+acme" },
	{ "", "three parts" },
	{ "a.b", "three parts" },
	{ "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ0ZW5hbnRfaWQiOiJhY21"
	  "lIiwiZXhwIjoxNzk1MTcyNDAwfQ.8T9eVZmRO7SeB100Hgj2DXrdpWPy8aQJ"
	  "QqTB540hhn4.x",
	    "three parts" },
	{ ".eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ0ZW5hbnRfaWQiOiJhY2"
	  "1lIiwiZXhwIjoxNzk1MTcyNDAwfQ.8T9eVZmRO7SeB100Hgj2DXrdpWPy8aQ"
	  "JQqTB540hhn4",
	    "three parts" },
	{ "..", "signature" },
	{ "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ0ZW5hbnRfaWQiOiJhY21"
	  "lIiwiZXhwIjoxNzk1MTcyNDAwfQ.",
	    "signature" },
	{ "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ0ZW5hbnRfaWQiOiJhY21"
	  "lIiwiZXhwIjoxNzk1MTcyNDAwfQ.8T9eVZmRO7SeB100Hgj2DXrdpWPy8aQJ"
	  "QqTB540hhn4=",
	    "signature" },
	{ "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ0ZW5hbnRfaWQiOiJhY21"
	  "lIiwiZXhwIjoxNzk1MTcyNDAwfQ.8T9eVZmRO7SeB100Hgj2DXrdpWPy8aQJ"
	  "QqTB540hhn4 ",
	    "signature" },
	{ "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ0ZW5hbnRfaWQiOiJhY21"
	  "lIiwiZXhwIjoxNzk1MTcyNDAwfQ.8T9eVZmRO7SeB100Hgj2DXrdpWPy8aQJ"
	  "QqTB540hhn",
	    "signature" },
	{ "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ0ZW5hbnRfaWQiOiJhY21"
	  "lIiwiZXhwIjoxNzk1MTcyNDAwfQ.8T9eVZmRO7SeB100Hgj2DXrdpWPy8aQJ"
	  "QqTB540hhn5",
	    "signature" },
	{ "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ0ZW5hbnRfaWQiOiJhY21"
	  "lIiwiZXhwIjoxNzk1MTcyNDAwfQ.ugVU2GbJqTxsPx0b2LeNPDSLd2c0j0rj"
	  "XesH4doutxo",
	    "signature" },
	{ "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ0ZW5hbnRfaWQiOiJldml"
	  "sIiwiZXhwIjoxNzk1MTcyNDAwfQ.8T9eVZmRO7SeB100Hgj2DXrdpWPy8aQJ"
	  "QqTB540hhn4",
	    "signature" },
	{ "eyJhbGciOiJub25lIn0.eyJ0ZW5hbnRfaWQiOiJhY21lIiwiZXhwIjoxNzk1"
	  "MTcyNDAwfQ.",
	    "signature" },
	{ "eyJhbGciOiJub25lIn0.eyJ0ZW5hbnRfaWQiOiJhY21lIiwiZXhwIjoxNzk1"
	  "MTcyNDAwfQ.8T9eVZmRO7SeB100Hgj2DXrdpWPy8aQJQqTB540hhn4",
	    "signature" },
	{ "eyJ0eXAiOiJKV1QifQ.eyJ0ZW5hbnRfaWQiOiJhY21lIiwiZXhwIjoxNzk1M"
	  "TcyNDAwfQ.9beF51ERVfNWvcJFoUszJrkfvPV54j3fpVKzlW2upUg",
	    "not signed with HS256" },
	{ "eyJhbGciOiJub25lIn0.eyJ0ZW5hbnRfaWQiOiJhY21lIiwiZXhwIjoxNzk1"
	  "MTcyNDAwfQ.fabg1cD7PBR3kroFuRuZFhi7dtPpuD2QFBos35ocy7Q",
	    "not signed with HS256" },
	{ "eyJhbGciOiJOb25lIn0.eyJ0ZW5hbnRfaWQiOiJhY21lIiwiZXhwIjoxNzk1"
	  "MTcyNDAwfQ.j0GaaS8drzhXRyc7XYENQjre-uCXdqUB_SupnQ9SnEQ",
	    "not signed with HS256" },
	{ "eyJhbGciOiJSUzI1NiJ9.eyJ0ZW5hbnRfaWQiOiJhY21lIiwiZXhwIjoxNzk"
	  "1MTcyNDAwfQ.jtcijudHxQqEq37fS3f2NXbw0dMvnEMIB7ZW0pusmCc",
	    "not signed with HS256" },
	{ "eyJhbGciOiJIUzUxMiJ9.eyJ0ZW5hbnRfaWQiOiJhY21lIiwiZXhwIjoxNzk"
	  "1MTcyNDAwfQ.odhXkon-LzlaNpSocOi945fD4aC4Xp9Lsj0gtOphIcI",
	    "not signed with HS256" },
	{ "eyJhbGciOiJFUzI1NiJ9.eyJ0ZW5hbnRfaWQiOiJhY21lIiwiZXhwIjoxNzk"
	  "1MTcyNDAwfQ.CKukWduky34NeRGkWn5lq4kRXPaCPJs9Np8ThVes6ko",
	    "not signed with HS256" },
	{ "eyJhbGciOiJoczI1NiJ9.eyJ0ZW5hbnRfaWQiOiJhY21lIiwiZXhwIjoxNzk"
	  "1MTcyNDAwfQ.gnrv6U-v54-cSEbwI9NDVXnQtpkSySzcBnmaN6Vusl0",
	    "not signed with HS256" },
	{ "eyJhbGciOiIifQ.eyJ0ZW5hbnRfaWQiOiJhY21lIiwiZXhwIjoxNzk1MTcyN"
	  "DAwfQ.7zFU-XLK935Y-DvUVKrc_ZFZEume07GIKLW5oZ0xZSc",
	    "not signed with HS256" },
	{ "eyJhbGciOm51bGx9.eyJ0ZW5hbnRfaWQiOiJhY21lIiwiZXhwIjoxNzk1MTc"
	  "yNDAwfQ.sdSTItOTb7G_8Ob7KUV38gdWIoN69bdCHx7eekH6xRc",
	    "not signed with HS256" },
	{ "eyJhbGciOlsiSFMyNTYiXX0.eyJ0ZW5hbnRfaWQiOiJhY21lIiwiZXhwIjox"
	  "Nzk1MTcyNDAwfQ.p8_tDSCtND-oXLjCYseCFgA7wqFasuqsd1RTNPQH3l8",
	    "not signed with HS256" },
	{ "eyJhbGciOiJIUzI1NiIsImNyaXQiOlsiZXhwIl19.eyJ0ZW5hbnRfaWQiOiJ"
	  "hY21lIiwiZXhwIjoxNzk1MTcyNDAwfQ.xQn6VQ0hEJq5o5MvoYLcqJ4UGS63"
	  "lSUoUHz7hyeQWn4",
	    "fields other than alg" },
	{ "eyJhbGciOiJIUzI1NiIsImprdSI6Imh0dHBzOi8vZXZpbC8ifQ.eyJ0ZW5hb"
	  "nRfaWQiOiJhY21lIiwiZXhwIjoxNzk1MTcyNDAwfQ.c0ER_KFKQnMr_WEB25"
	  "fMp0dNQiXWwK16PfxtLYCPu-w",
	    "fields other than alg" },
	{ "eyJhbGciOiJIUzI1NiIsImp3ayI6e319.eyJ0ZW5hbnRfaWQiOiJhY21lIiw"
	  "iZXhwIjoxNzk1MTcyNDAwfQ.4b9cbuuNto-t_tOouax1Oi7wIgekR5U3WK-5"
	  "8xyNURQ",
	    "fields other than alg" },
	{ "eyJhbGciOiJIUzI1NiIsIng1dSI6Imh0dHBzOi8vZXZpbC8ifQ.eyJ0ZW5hb"
	  "nRfaWQiOiJhY21lIiwiZXhwIjoxNzk1MTcyNDAwfQ.zTC9THcVAf0SeJGHPQ"
	  "Af720-teNhc3K26yQKykARtyY",
	    "fields other than alg" },
	{ "eyJhbGciOiJIUzI1NiIsIng1YyI6W119.eyJ0ZW5hbnRfaWQiOiJhY21lIiw"
	  "iZXhwIjoxNzk1MTcyNDAwfQ.FJWzzexb8xnhc0_RArQ2C3U2FBDps5eKfhXp"
	  "QuI5FxQ",
	    "fields other than alg" },
	{ "eyJhbGciOiJIUzI1NiIsImI2NCI6ZmFsc2V9.eyJ0ZW5hbnRfaWQiOiJhY21"
	  "lIiwiZXhwIjoxNzk1MTcyNDAwfQ.QcPQ0v38YDY7180vOLd5TWF99fz4ykEY"
	  "xcNsMz3N7Uc",
	    "fields other than alg" },
	{ "eyJhbGciOiJIUzI1NiIsInppcCI6IkRFRiJ9.eyJ0ZW5hbnRfaWQiOiJhY21"
	  "lIiwiZXhwIjoxNzk1MTcyNDAwfQ.NBXFZ-r_YN0cg_Od06OGI_Vh3g_sPDMY"
	  "Ja9GJVtRQcc",
	    "fields other than alg" },
	{ "eyJhbGciOiJIUzI1NiIsImN0eSI6IkpXVCJ9.eyJ0ZW5hbnRfaWQiOiJhY21"
	  "lIiwiZXhwIjoxNzk1MTcyNDAwfQ.yNbJ9C032LI_hzIOrCALEGQlRuOy6mR-"
	  "Hf9WbpDV4eY",
	    "fields other than alg" },
	{ "eyJhbGciOiJIUzI1NiIsImtpZCI6Ii4uLy4uL2Rldi9udWxsIn0.eyJ0ZW5h"
	  "bnRfaWQiOiJhY21lIiwiZXhwIjoxNzk1MTcyNDAwfQ.KReU_-hFlKSVdIgo3"
	  "0VvAlVAnyhkvnufBqcFUn7_-hg",
	    "its kid is no" },
	{ "eyJhbGciOiJIUzI1NiIsImtpZCI6IngnOyAtLSJ9.eyJ0ZW5hbnRfaWQiOiJ"
	  "hY21lIiwiZXhwIjoxNzk1MTcyNDAwfQ.OWVexhernnv_nMp3yyXvBG7kXrq7"
	  "J3tvsAHKoB3SHnQ",
	    "its kid is no" },
	{ "eyJhbGciOiJIUzI1NiIsImtpZCI6NX0.eyJ0ZW5hbnRfaWQiOiJhY21lIiwi"
	  "ZXhwIjoxNzk1MTcyNDAwfQ.MOp9_Ju32-LHp7ylD7QWsKmFlVupuMSIgc1hF"
	  "bGMTZU",
	    "its kid is no" },
	{ "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXRSJ9.eyJ0ZW5hbnRfaWQiOiJhY21"
	  "lIiwiZXhwIjoxNzk1MTcyNDAwfQ.yqRNNlc2CarqupTf1hp-K632LdMg6N1a"
	  "LO5G7TYq0UI",
	    "its typ is not JWT" },
	{ "eyJhbGciOiJIUzI1NiIsInR5cCI6ImF0K2p3dCJ9.eyJ0ZW5hbnRfaWQiOiJ"
	  "hY21lIiwiZXhwIjoxNzk1MTcyNDAwfQ.2ppNubhQ-qTpCKTdgltCBc7aoA5G"
	  "eDpOqt4yJumZysA",
	    "its typ is not JWT" },
	{ "eyJhbGciOiJIUzI1NiIsInR5cCI6NX0.eyJ0ZW5hbnRfaWQiOiJhY21lIiwi"
	  "ZXhwIjoxNzk1MTcyNDAwfQ.bwVcKWIG3QMgopVqoQCSfKjKR7lXvNF5UPbYb"
	  "DPcyrE",
	    "its typ is not JWT" },
	{ "eyJhbGciOiJIUzI1NiIsImFsZyI6Im5vbmUifQ.eyJ0ZW5hbnRfaWQiOiJhY"
	  "21lIiwiZXhwIjoxNzk1MTcyNDAwfQ.7byAW2VfxJNlxkh9L5_oCjp85yahFX"
	  "vjKEISjve6VRg",
	    "header is not a JSON object" },
	{ "WyJIUzI1NiJd.eyJ0ZW5hbnRfaWQiOiJhY21lIiwiZXhwIjoxNzk1MTcyNDA"
	  "wfQ.j5JcPqqmI2UX8oud4Cn8-vVFXIaXedeYtpFF08A-nrg",
	    "header is not a JSON object" },
	{ "eyJhbGciOiJIUzI1NiJ9AA.eyJ0ZW5hbnRfaWQiOiJhY21lIiwiZXhwIjoxN"
	  "zk1MTcyNDAwfQ.fmoLGBZRXLgWSw3FK-Yqs3ZWbFKeZ8ESB5qDLtqLKPg",
	    "header is not a JSON object" },
	{ "_w.eyJ0ZW5hbnRfaWQiOiJhY21lIiwiZXhwIjoxNzk1MTcyNDAwfQ.QFZQ-m"
	  "0XOfZZjVHMrMjJ4iqRnSYaK02SRoLF6DOCqJk",
	    "header is not a JSON object" },
	{ "eyJhbGciOiJIUzI1NiJ9IB.eyJ0ZW5hbnRfaWQiOiJhY21lIiwiZXhwIjoxN"
	  "zk1MTcyNDAwfQ.wIoTxMR6MUKsdlucBbZJDreRAN4HX2bkkmvfwPgwaZw",
	    "header is not a JSON object" },
	{ "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9=.eyJ0ZW5hbnRfaWQiOiJhY2"
	  "1lIiwiZXhwIjoxNzk1MTcyNDAwfQ.A0ZOKu9LW4zoQD4p8nHgax_4F8CzzvG"
	  "dHQxW0F5N6M4",
	    "header is not a JSON object" },
	{ "eyJhb+ciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ0ZW5hbnRfaWQiOiJhY21"
	  "lIiwiZXhwIjoxNzk1MTcyNDAwfQ.mn3dPDBdP5VzGvGE6Q2G98vnbDQdJypN"
	  "bzhf8Q1yW2Q",
	    "header is not a JSON object" },
	{ ".eyJ0ZW5hbnRfaWQiOiJhY21lIiwiZXhwIjoxNzk1MTcyNDAwfQ.hQibvnmD"
	  "9ofrA-5tGZ9M3UX1zsI4l9YSLpYulqW6SEQ",
	    "header is not a JSON object" },
	{ "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ0ZW5hbnRfaWQiOiJhY21"
	  "lIiwiZXhwIjoxNzk1MTcyNDAwfQ=.bhwoGVoWDB_Owuzx9as3f2EUlLlMLWJ"
	  "xunx3fT0vNWI",
	    "claims are not a JSON object" },
	{ "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9..Nwe3c2mClQJU__iN55LYQf"
	  "pGJbkJ_6VRo3qj9PigzNE",
	    "claims are not a JSON object" },
	{ "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.W10.V7d1t6J076duTnJ7SaC"
	  "48HXFMQ8BXkKlyNt8MBZtd7A",
	    "claims are not a JSON object" },
	{ "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ0ZW5hbnRfaWQiOiJhY21"
	  "lIiwiZXhwIjoxNzk1MTcyNDAwLCJleHAiOjF9.sn1SSNOfivuEQZJG-a5tcM"
	  "5ee8NDe1Z4yKXHiuXl9e4",
	    "claims are not a JSON object" },
	{ "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ0ZW5hbnRfaWQiOiJhY21"
	  "lIiwiZXhwIjoxNzk1MTcyNDAwfSB7fQ.D1mqgGmshfrl2CsDoyxyhbCA0sjT"
	  "fI_MOTxgBqc0o7U",
	    "claims are not a JSON object" },
	{ "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ0ZW5hbnRfaWQiOiJhY21"
	  "lIiwiZXhwIjpudWxsfQ.wNjsPTRr7DBcpeJEdw28h9HvWB4FtBrl8fLvpr7C"
	  "m4M",
	    "not a time" },
	{ "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ0ZW5hbnRfaWQiOiJhY21"
	  "lIiwiZXhwIjoxZTMwMH0.q3VIn7k86_ZX3jzFi1A7C4KGt4AvS9nx7uLw7M8"
	  "CTeE",
	    "not a time" },
	{ "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ0ZW5hbnRfaWQiOiJhY21"
	  "lIiwiZXhwIjoxZTk5OX0.gCYypQi4hsq_PThB48p2NoKL3WJYGEBwqM65Ppk"
	  "Xgl0",
	    "not a time" },
	{ "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ0ZW5hbnRfaWQiOiJhY21"
	  "lIiwiZXhwIjo5OTk5OTk5OTk5OTk5OTk5OTk5OX0.7maHOuQKZMDVeEMZp_p"
	  "Xd3rPYEqbVv3iABk5u-aKeQ0",
	    "not a time" },
	{ "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ0ZW5hbnRfaWQiOiJhY21"
	  "lIiwiZXhwIjo5MjIzMzcyMDM2ODU0Nzc1ODA3fQ.EBmRmLmadcrUUBlSXPF_"
	  "sbpJmENW3HdHPJd1Mrbou3E",
	    "not a time" },
	{ "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ0ZW5hbnRfaWQiOiJhY21"
	  "lIiwiZXhwIjotMX0.bfdHBnehSSbffPL4VptIW4iTkWH4NFXpwtLgN70HBEk",
	    "not a time" },
	{ "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ0ZW5hbnRfaWQiOiJhY21"
	  "lIiwiZXhwIjotMC41fQ.o5vVq44Ufaq4yUDQoDNOinCx3a3SogNO4grgTpfs"
	  "w04",
	    "not a time" },
	{ "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ0ZW5hbnRfaWQiOiJhY21"
	  "lIiwiZXhwIjoiMTc5NTE3MjQwMCJ9.A9pZjPGIPg3Y2aW5yXOEoHuW2ahyU9"
	  "EypgnBFK1V9jU",
	    "not a time" },
	{ "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ0ZW5hbnRfaWQiOiJhY21"
	  "lIiwiZXhwIjp0cnVlfQ.JyzbGviLZ9augPd9-cSGxDB25r3IRWawUYee-zTt"
	  "C5I",
	    "not a time" },
	{ "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ0ZW5hbnRfaWQiOiJhY21"
	  "lIiwiZXhwIjoxNzk1MTcyNDAwLCJuYmYiOiIxIn0.9Z8rJTSShZ0rrIh-GAb"
	  "29zszHOewBHEz92anlrEgkg0",
	    "not a time" },
	{ "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ0ZW5hbnRfaWQiOiJhY21"
	  "lIiwiZXhwIjoxNzk1MTcyNDAwLCJpYXQiOi01fQ.v153K2Ik0N-9ROO59TUJ"
	  "MsKmnjydjDmef3uZNJkN7Ws",
	    "not a time" },
	{ "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ0ZW5hbnRfaWQiOiJhY21"
	  "lIiwiZXhwIjoxNzk1MTcyNDAwLCJpYXQiOi0wLjV9.XHVBkDR83vuD8l7LcM"
	  "egi36FQVUDGjKYPLGDrkEq2p8",
	    "not a time" },
	{ "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ0ZW5hbnRfaWQiOiJhY21"
	  "lIn0.eAgsPNl__acfpNm2t_OgLuyaHMWkHQ89S90zrvnb7aA",
	    "never expires" },
	{ "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ0ZW5hbnRfaWQiOiJhY21"
	  "lIiwiZXhwIjoxNzk1MTY4NzQwfQ.08tSvjWyST5c-zzAbdPQuKWtB9fwverT"
	  "nY_-qffqleg",
	    "expired" },
	{ "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ0ZW5hbnRfaWQiOiJhY21"
	  "lIiwiZXhwIjowfQ.q9sECZ_cvJ9Kg5_rXebWOUEHzeaoPp_0_LUcah786kM",
	    "expired" },
	{ "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ0ZW5hbnRfaWQiOiJhY21"
	  "lIiwiZXhwIjoxNzk1MTcyNDAwLCJuYmYiOjE3OTUxNjg4NjF9.-qLT6XN7u3"
	  "C0iWNPOCJgKawz9lV0yQ1EPeNGBwrHsQM",
	    "not valid yet" },
	{ "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ0ZW5hbnRfaWQiOiJhY21"
	  "lIiwiZXhwIjoxNzk1MTcyNDAwLCJpYXQiOjE3OTUxNjg4NjF9.PnDgiIGQaI"
	  "kj42khyl_qqIE9FgzjkZnQ81H2z4WV45M",
	    "not valid yet" },
	{ "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJleHAiOjE3OTUxNzI0MDB"
	  "9.j4j9B0PKcF4g2YtWNgGdr6nKyX0vXCGXFoChi3zccQI",
	    "names no tenant" },
	{ "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ0ZW5hbnRfaWQiOjcsImV"
	  "4cCI6MTc5NTE3MjQwMH0.PASvw-JVJ0zkAM0BIgp530x-kJ0uHntEFeda7uD"
	  "7Xz4",
	    "names no tenant" },
	{ "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ0ZW5hbnRfaWQiOiIiLCJ"
	  "leHAiOjE3OTUxNzI0MDB9.OpZNW9NFWtT3Skq9LTnbF4BIfBSh2raaCO8UCZ"
	  "gDvTo",
	    "not a valid tenant name" },
	{ "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ0ZW5hbnRfaWQiOiIuLi9"
	  "4IiwiZXhwIjoxNzk1MTcyNDAwfQ.2Dc9gpnxEHWk5o8hWW2MbCFwddpBAS9E"
	  "Uk7rTTmq024",
	    "not a valid tenant name" },
	{ "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ0ZW5hbnRfaWQiOiJhIGI"
	  "iLCJleHAiOjE3OTUxNzI0MDB9.j923nxNbyPNKPLACOhZLA_OWuFsUbKNjiX"
	  "8cwXvvF7E",
	    "not a valid tenant name" },
	{ "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ0ZW5hbnRfaWQiOiIteCI"
	  "sImV4cCI6MTc5NTE3MjQwMH0.QrrradiIIXR4Nf_8nbuQ5oxtA-RkW0xR9F9"
	  "MXB_RxbU",
	    "not a valid tenant name" },
	{ "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ0ZW5hbnRfaWQiOiJ4eHh"
	  "4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh"
	  "4eHh4eHh4eHh4eHh4eHh4eCIsImV4cCI6MTc5NTE3MjQwMH0.Zu8VH6gdFMY"
	  "X0fpNQqB_V6gfX2t8Yx72QGocdtqYPF8",
	    "not a valid tenant name" },
};

/* With issuer "us" and audience "them". */
static const struct vector issued[] = {
	{ "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ0ZW5hbnRfaWQiOiJhY21"
	  "lIiwiZXhwIjoxNzk1MTcyNDAwLCJpc3MiOiJ1cyIsImF1ZCI6InRoZW0ifQ."
	  "N6y_l2YA0jjcHlGQ9lyyEU-czDy5xeYJmcMZRkyVWj8",
	    "+acme" },
	{ "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ0ZW5hbnRfaWQiOiJhY21"
	  "lIiwiZXhwIjoxNzk1MTcyNDAwLCJpc3MiOiJ1cyIsImF1ZCI6WyJvdGhlciI"
	  "sInRoZW0iXX0.h74m2_bEIFjvmEXdwfHKgupKJXdoRPFPLhMjbU7Boi4",
	    "+acme" },
	{ "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ0ZW5hbnRfaWQiOiJhY21"
	  "lIiwiZXhwIjoxNzk1MTcyNDAwLCJhdWQiOiJ0aGVtIn0.PHe9GUR0bXFbW7K"
	  "CmcN_VArjmk_za0ZA7BxCo66ys6k",
	    "iss" },
	{ "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ0ZW5hbnRfaWQiOiJhY21"
	  "lIiwiZXhwIjoxNzk1MTcyNDAwLCJpc3MiOiJ3ZSIsImF1ZCI6InRoZW0ifQ."
	  "Jt-GJgNJXcPywBKtPbTUrKfq8K-akXaMfEW5AbbXzRw",
	    "iss" },
	{ "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ0ZW5hbnRfaWQiOiJhY21"
	  "lIiwiZXhwIjoxNzk1MTcyNDAwLCJpc3MiOlsidXMiXSwiYXVkIjoidGhlbSJ"
	  "9.jyYitWDPUBTgtnRjk30Irya-jKJsvwZWDyEda5Z00VQ",
	    "iss" },
	{ "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ0ZW5hbnRfaWQiOiJhY21"
	  "lIiwiZXhwIjoxNzk1MTcyNDAwLCJpc3MiOiJ1cyJ9.kUMWPUxnHsTZpvMnTz"
	  "IgEp_PiaMiwUpoLQBDQkb0A7s",
	    "aud" },
	{ "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ0ZW5hbnRfaWQiOiJhY21"
	  "lIiwiZXhwIjoxNzk1MTcyNDAwLCJpc3MiOiJ1cyIsImF1ZCI6InVzIn0.6c6"
	  "HWKWxoOj5U9OHy4BLEcySytKL4K0u8J8mD541Wks",
	    "aud" },
	{ "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ0ZW5hbnRfaWQiOiJhY21"
	  "lIiwiZXhwIjoxNzk1MTcyNDAwLCJpc3MiOiJ1cyIsImF1ZCI6WyJ4Il19.V2"
	  "Gh8J8qmpfS38EYfy0mw5W7hYHWgRj5hiGkjFiD72g",
	    "aud" },
	{ "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ0ZW5hbnRfaWQiOiJhY21"
	  "lIiwiZXhwIjoxNzk1MTcyNDAwLCJpc3MiOiJ1cyIsImF1ZCI6eyJ0aGVtIjo"
	  "xfX0.Y13I2iu1MfAT7Z4RpnhEQ-Lzeouv9w199eCO-L77Wxk",
	    "aud" },
	{ "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ0ZW5hbnRfaWQiOiJhY21"
	  "lIiwiZXhwIjoxNzk1MTcyNDAwLCJpc3MiOiJ1cyIsImF1ZCI6W119._sunlZ"
	  "KcnP8c-_n10EeCMU5p199Zu9ZPPwHNxoDv7X8",
	    "aud" },
};

#endif
