package compose

import "testing"

// What announces an attachment of the writer's, and what does not.
func TestPromises(t *testing.T) {
	for _, s := range []string{
		"Vous trouverez ci-joint le devis.", "Veuillez trouver ci-jointe la facture.", "Je vous envoie le contrat en pièce jointe.", "Cf. PJ.", "La notice est en PJ", "voir p.j.",
		"Je joins le bon de retour.", "Nous vous joignons le plan.", "J’ai joint la photo à mon message.", "Le devis joint est valable un mois.", "Merci de signer le document joint.",
		"Les photos sont jointes.", "Pièces jointes : deux photos", "N’hésitez pas à consulter le fichier ci-joint.", "Vous trouverez en annexe le tarif.", "Votre facture est jointe à ce message.",
		"Please find attached the quote.", "Please find enclosed our offer.", "I’ve attached the form.", "See the attached file.", "I am attaching a photo.", "The invoice is attached.",
		"Attached is the report.", "Please fill in the attached form.", "It comes as an attachment.", "Attachment: one photo", "We will attach the label.",
	} {
		if promises(s) == "" {
			t.Errorf("%q promises nothing", s)
		}
	}
	for _, s := range []string{
		"Bonjour, c’est fait.", "J’ai bien reçu votre pièce jointe.", "Le document joint à votre message est illisible.", "Je ne peux pas joindre de fichier.", "Vous pouvez nous joindre au 01 02 03 04 05.",
		"Pouvez-vous joindre une photo ?", "Merci de joindre la facture.", "Je vous joins par téléphone demain.", "Nous vous rejoignons.", "Envoyez-le sans pièce jointe.",
		"Thank you for the attached photo.", "Your attachment can’t be opened.", "The file you attached is empty.", "Please attach a photo.", "We can’t attach files here.",
		"I received the attachment.", "Je suis très attaché à la qualité.", "Un joint de culasse est cassé.",
	} {
		if words := promises(s); words != "" {
			t.Errorf("%q promises %q", s, words)
		}
	}
}
