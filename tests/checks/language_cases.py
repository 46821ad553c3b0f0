"""Two short answers in each of many languages, written for these tests: on bread, and on a broken bicycle."""

from __future__ import annotations

ANSWERS: dict[str, tuple[str, str]] = {
    "English": (
        "Bread needs only flour, water, salt and a little yeast. Knead the dough for ten minutes, let it rest "
        "under a cloth until it has doubled, and bake it in a very hot oven until the crust sounds hollow when "
        "you knock on it.",
        "First turn the bicycle upside down and take out the wheel. Look for the hole in the tube by holding it "
        "under water, dry the place, glue a patch on it and wait a few minutes before you pump the tyre up again.",
    ),
    "German": (
        "Für ein Brot braucht man nur Mehl, Wasser, Salz und etwas Hefe. Den Teig zehn Minuten lang kneten, unter "
        "einem Tuch gehen lassen, bis er doppelt so groß ist, und im sehr heißen Ofen backen, bis die Kruste hohl "
        "klingt.",
        "Stellen Sie das Fahrrad zuerst auf den Kopf und nehmen Sie das Rad heraus. Suchen Sie das Loch, indem "
        "Sie den Schlauch unter Wasser halten, trocknen Sie die Stelle, kleben Sie einen Flicken auf und warten "
        "Sie kurz.",
    ),
    "French": (
        "Pour faire du pain, il suffit de farine, d'eau, de sel et d'un peu de levure. Pétrissez la pâte pendant "
        "dix minutes, laissez-la reposer sous un torchon jusqu'à ce qu'elle double, puis faites-la cuire dans un "
        "four très chaud.",
        "Retournez d'abord le vélo et enlevez la roue. Cherchez le trou en tenant la chambre à air sous l'eau, "
        "séchez l'endroit, collez une rustine et attendez quelques minutes avant de regonfler le pneu.",
    ),
    "Spanish": (
        "Para hacer pan solo hacen falta harina, agua, sal y un poco de levadura. Amasa durante diez minutos, "
        "deja que la masa repose bajo un paño hasta que doble su tamaño y hornéala con mucho calor hasta que la "
        "corteza suene hueca.",
        "Primero ponga la bicicleta boca abajo y saque la rueda. Busque el agujero metiendo la cámara en agua, "
        "seque el sitio, pegue un parche y espere unos minutos antes de volver a inflar el neumático.",
    ),
    "Portuguese": (
        "Para fazer pão, bastam farinha, água, sal e um pouco de fermento. Amasse durante dez minutos, deixe a "
        "massa descansar debaixo de um pano até dobrar de tamanho e asse-a num forno muito quente até a casca "
        "soar oca.",
        "Primeiro vire a bicicleta de cabeça para baixo e tire a roda. Procure o furo colocando a câmara de ar "
        "dentro de água, seque o lugar, cole um remendo e espere alguns minutos antes de encher o pneu outra vez.",
    ),
    "Italian": (
        "Per fare il pane bastano farina, acqua, sale e un po' di lievito. Impasta per dieci minuti, lascia "
        "riposare sotto un panno finché la pasta non raddoppia e cuocila in un forno molto caldo, finché la "
        "crosta suona vuota.",
        "Prima di tutto capovolgi la bicicletta e togli la ruota. Cerca il buco tenendo la camera d'aria "
        "sott'acqua, asciuga il punto, incolla una toppa e aspetta qualche minuto prima di gonfiare di nuovo la "
        "gomma.",
    ),
    "Dutch": (
        "Voor brood heb je alleen bloem, water, zout en een beetje gist nodig. Kneed het deeg tien minuten, laat "
        "het onder een doek rijzen tot het twee keer zo groot is, en bak het in een hete oven tot de korst hol "
        "klinkt.",
        "Zet de fiets eerst ondersteboven en haal het wiel eruit. Zoek het gaatje door de binnenband onder water "
        "te houden, droog de plek, plak er een lapje op en wacht een paar minuten voordat je de band weer "
        "oppompt.",
    ),
    "Swedish": (
        "Till ett bröd behövs bara mjöl, vatten, salt och lite jäst. Knåda degen i tio minuter, låt den jäsa "
        "under en duk tills den har blivit dubbelt så stor och grädda den i mycket het ugn tills skorpan låter "
        "ihålig.",
        "Vänd först cykeln upp och ner och ta loss hjulet. Leta efter hålet genom att hålla slangen under vatten, "
        "torka stället, klistra på en lapp och vänta några minuter innan du pumpar däcket igen.",
    ),
    "Danish": (
        "Til et brød skal man kun bruge mel, vand, salt og lidt gær. Ælt dejen i ti minutter, lad den hæve under "
        "et klæde, til den er dobbelt så stor, og bag den i en meget varm ovn, indtil skorpen lyder hul.",
        "Vend først cyklen på hovedet og tag hjulet af. Find hullet ved at holde slangen under vand, tør stedet, "
        "lim en lap på og vent nogle minutter, før du pumper dækket op igen.",
    ),
    "Polish": (
        "Do chleba potrzeba tylko mąki, wody, soli i odrobiny drożdży. Ciasto wyrabiaj przez dziesięć minut, "
        "zostaw je pod ściereczką, aż podwoi objętość, i piecz w bardzo gorącym piekarniku, aż skórka zacznie "
        "głucho brzmieć.",
        "Najpierw odwróć rower do góry kołami i wyjmij koło. Poszukaj dziury, trzymając dętkę pod wodą, osusz to "
        "miejsce, przyklej łatkę i odczekaj kilka minut, zanim znowu napompujesz oponę.",
    ),
    "Czech": (
        "Na chleba stačí mouka, voda, sůl a trochu droždí. Těsto hněťte deset minut, nechte ho pod utěrkou "
        "kynout, dokud nezdvojnásobí objem, a pečte ho ve velmi horké troubě, až kůrka při poklepání zní dutě.",
        "Nejdřív otočte kolo vzhůru nohama a sundejte poškozené kolo. Díru najdete tak, že duši podržíte pod "
        "vodou, místo osušíte, přilepíte záplatu a počkáte několik minut, než pneumatiku znovu nahustíte.",
    ),
    "Hungarian": (
        "A kenyérhez csak liszt, víz, só és egy kevés élesztő kell. Gyúrd a tésztát tíz percig, hagyd egy kendő "
        "alatt kelni, amíg kétszeresére nő, aztán süsd nagyon forró sütőben, amíg a héja kongó hangot nem ad.",
        "Először fordítsd fejjel lefelé a kerékpárt, és vedd ki a kereket. Tartsd a belsőt víz alá, hogy "
        "megtaláld a lyukat, szárítsd meg a helyét, ragassz rá foltot, és várj néhány percet, mielőtt újra "
        "felfújod.",
    ),
    "Finnish": (
        "Leipään tarvitaan vain jauhoja, vettä, suolaa ja hieman hiivaa. Vaivaa taikinaa kymmenen minuuttia, anna "
        "sen kohota liinan alla kaksinkertaiseksi ja paista sitä hyvin kuumassa uunissa, kunnes kuori kumisee.",
        "Käännä polkupyörä ensin ylösalaisin ja irrota rengas. Etsi reikä pitämällä sisärengasta veden alla, "
        "kuivaa kohta, liimaa siihen paikka ja odota muutama minuutti ennen kuin pumppaat renkaan uudelleen.",
    ),
    "Turkish": (
        "Ekmek için yalnızca un, su, tuz ve biraz maya gerekir. Hamuru on dakika yoğurun, iki katına çıkana kadar "
        "bir bezin altında dinlendirin ve kabuğuna vurunca tok bir ses çıkana kadar çok sıcak fırında pişirin.",
        "Önce bisikleti ters çevirin ve tekerleği çıkarın. İç lastiği suyun altında tutarak deliği bulun, orayı "
        "kurulayın, üzerine bir yama yapıştırın ve lastiği yeniden şişirmeden önce birkaç dakika bekleyin.",
    ),
    "Romanian": (
        "Pentru pâine ai nevoie doar de făină, apă, sare și puțină drojdie. Frământă aluatul zece minute, lasă-l "
        "să crească sub un prosop până își dublează volumul și coace-l într-un cuptor foarte fierbinte.",
        "Mai întâi întoarce bicicleta cu roțile în sus și scoate roata. Caută gaura ținând camera sub apă, usucă "
        "locul, lipește un petic și așteaptă câteva minute înainte de a umfla din nou cauciucul.",
    ),
    "Indonesian": (
        "Untuk membuat roti hanya diperlukan tepung, air, garam, dan sedikit ragi. Uleni adonan selama sepuluh "
        "menit, diamkan di bawah kain sampai mengembang dua kali lipat, lalu panggang di dalam oven yang sangat "
        "panas.",
        "Pertama, balikkan sepeda dan lepaskan rodanya. Carilah lubangnya dengan memegang ban dalam di bawah air, "
        "keringkan tempat itu, tempelkan tambalan, dan tunggu beberapa menit sebelum memompanya kembali.",
    ),
    "Vietnamese": (
        "Làm bánh mì chỉ cần bột, nước, muối và một ít men. Nhào bột trong mười phút, để bột nghỉ dưới một tấm "
        "khăn cho đến khi nở gấp đôi, rồi nướng trong lò thật nóng cho đến khi vỏ bánh giòn.",
        "Trước hết hãy lật ngược xe đạp và tháo bánh xe ra. Tìm lỗ thủng bằng cách giữ săm dưới nước, lau khô chỗ "
        "đó, dán một miếng vá và chờ vài phút trước khi bơm lốp trở lại.",
    ),
    "Russian": (
        "Для хлеба нужны только мука, вода, соль и немного дрожжей. Месите тесто десять минут, оставьте его под "
        "полотенцем, пока оно не вырастет вдвое, и пеките в очень горячей духовке, пока корка не зазвучит глухо.",
        "Сначала переверните велосипед и снимите колесо. Найдите дырку, опустив камеру в воду, высушите это "
        "место, приклейте заплатку и подождите несколько минут, прежде чем снова накачать шину.",
    ),
    "Ukrainian": (
        "Для хліба потрібні лише борошно, вода, сіль і трохи дріжджів. Місіть тісто десять хвилин, залиште його "
        "під рушником, поки воно не збільшиться вдвічі, і печіть у дуже гарячій духовці, поки скоринка не стане "
        "дзвінкою.",
        "Спочатку переверніть велосипед і зніміть колесо. Знайдіть дірку, тримаючи камеру під водою, висушіть це "
        "місце, приклейте латку й зачекайте кілька хвилин, перш ніж знову накачати шину.",
    ),
    "Bulgarian": (
        "За хляб са нужни само брашно, вода, сол и малко мая. Месете тестото десет минути, оставете го под кърпа, "
        "докато удвои обема си, и го изпечете в много гореща фурна, докато коричката зазвучи кухо.",
        "Първо обърнете велосипеда и свалете колелото. Намерете дупката, като държите вътрешната гума под вода, "
        "подсушете мястото, залепете кръпка и изчакайте няколко минути, преди да я напомпате отново.",
    ),
    "Greek": (
        "Για το ψωμί χρειάζονται μόνο αλεύρι, νερό, αλάτι και λίγη μαγιά. Ζυμώστε για δέκα λεπτά, αφήστε τη ζύμη "
        "κάτω από μια πετσέτα μέχρι να διπλασιαστεί και ψήστε την σε πολύ ζεστό φούρνο.",
        "Πρώτα γυρίστε το ποδήλατο ανάποδα και βγάλτε τη ρόδα. Βρείτε την τρύπα κρατώντας τη σαμπρέλα μέσα στο "
        "νερό, στεγνώστε το σημείο, κολλήστε ένα μπάλωμα και περιμένετε λίγα λεπτά.",
    ),
    "Arabic": (
        "لا يحتاج الخبز إلا إلى الدقيق والماء والملح وقليل من الخميرة. اعجن العجين عشر دقائق، ثم اتركه تحت قطعة "
        "قماش حتى يتضاعف حجمه، واخبزه في فرن ساخن جدا حتى تصبح القشرة ذهبية.",
        "اقلب الدراجة أولا وأخرج العجلة. ابحث عن الثقب بوضع الأنبوب تحت الماء، ثم جفف المكان وألصق عليه رقعة "
        "وانتظر بضع دقائق قبل أن تنفخ الإطار من جديد.",
    ),
    "Persian": (
        "برای پختن نان فقط آرد، آب، نمک و کمی مایه لازم است. خمیر را ده دقیقه ورز دهید، بگذارید زیر یک پارچه "
        "بماند تا دو برابر شود و سپس آن را در فر بسیار داغ بپزید تا پوسته‌اش طلایی شود.",
        "اول دوچرخه را وارونه کنید و چرخ را بیرون بیاورید. با نگه داشتن تیوب زیر آب سوراخ را پیدا کنید، آنجا را "
        "خشک کنید، یک وصله بچسبانید و چند دقیقه صبر کنید.",
    ),
    "Hebrew": (
        "כדי לאפות לחם צריך רק קמח, מים, מלח ומעט שמרים. לשים את הבצק עשר דקות, מניחים לו לתפוח מתחת למגבת עד "
        "שהוא מכפיל את נפחו, ואופים בתנור חם מאוד עד שהקרום משחים.",
        "קודם הופכים את האופניים ומוציאים את הגלגל. מחפשים את החור כשמחזיקים את הפנימית מתחת למים, מייבשים את "
        "המקום, מדביקים טלאי ומחכים כמה דקות לפני שמנפחים שוב.",
    ),
    "Hindi": (
        "रोटी बनाने के लिए केवल आटा, पानी, नमक और थोड़ा खमीर चाहिए। आटे को दस मिनट तक गूँधें, कपड़े से ढककर तब तक "
        "रखें जब तक वह दोगुना न हो जाए, और फिर बहुत गरम ओवन में पकाएँ।",
        "पहले साइकिल को उलटा करें और पहिया निकालें। ट्यूब को पानी में डालकर छेद ढूँढें, उस जगह को सुखाएँ, उस पर "
        "पैबंद चिपकाएँ और फिर से हवा भरने से पहले कुछ मिनट रुकें।",
    ),
    "Thai": (
        "การทำขนมปังใช้เพียงแป้ง น้ำ เกลือ และยีสต์เล็กน้อย นวดแป้งสิบนาที พักไว้ใต้ผ้าจนขึ้นเป็นสองเท่า แล้วอบในเตาที่ร้อนมากจนเปลือกกรอบ",
        "ก่อนอื่นให้คว่ำจักรยานแล้วถอดล้อออก หารูรั่วโดยจุ่มยางในลงในน้ำ เช็ดบริเวณนั้นให้แห้ง ปะยาง แล้วรอสักครู่ก่อนสูบลมอีกครั้ง",
    ),
    "Japanese": (
        "パンに必要なのは小麦粉と水と塩、それに少しのイーストだけです。生地を十分ほどこね"
        "て、布をかけて二倍にふくらむまで待ち、とても熱いオーブンで皮が固くなるまで焼きます。",
        "まず自転車を逆さまにして車輪を外します。チューブを水に入れて穴を探し、その場所を"
        "乾かしてからパッチを貼り、空気を入れる前に数分待ってください。",
    ),
    "Chinese": (
        "做面包只需要面粉、水、盐和一点酵母。把面团揉十分钟，盖上布等它发到两倍大，然后放"
        "进很热的烤箱里，烤到外皮发出空空的声音为止。",
        "先把自行车倒过来，取下车轮。把内胎放进水里找到破洞，擦干那个地方，贴上补丁，等几分钟以后再打气。",
    ),
    "Korean": (
        "빵을 만들려면 밀가루와 물, 소금, 그리고 약간의 효모만 있으면 됩니다. 반죽을 십 분 동안 치대고 천을 덮어 "
        "두 배로 부풀 때까지 두었다가 아주 뜨거운 오븐에서 구우세요.",
        "먼저 자전거를 뒤집고 바퀴를 빼세요. 튜브를 물에 넣어 구멍을 찾고 그 자리를 말린 다음 패치를 붙이고 몇 분 "
        "기다렸다가 다시 바람을 넣으세요.",
    ),
}
