"""pywa (MIT) as a client of the sandbox: everything it sends must be taken, everything it reads must be parsed."""
import sys
import warnings

import httpx
from pywa import WhatsApp, errors, types
from pywa.types import templates as t

from common import APP, APP_SECRET, NUMBER, PHONE, TOKEN, VERIFY_TOKEN, WABA, SandboxWorld, check, check_equal, harness, write_first

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8
ENGLISH = t.TemplateLanguage.ENGLISH_US


def client(sandbox, token=TOKEN):
    wa = WhatsApp(phone_id=NUMBER, token=token, waba_id=WABA, app_id=APP, app_secret=APP_SECRET, verify_token=VERIFY_TOKEN,
                  session=httpx.Client(timeout=20))
    wa.api._session.base_url = sandbox.url + "/v25.0"  # it offers no setting for it
    return wa


def refused(call, kind, code):
    """The error that the call raised; it must be of pywa's own class for this code."""
    try:
        result = call()
    except errors.WhatsAppError as error:
        check_equal((type(error), error.code), (kind, code), "class and code")
        check(error.message and error.fbtrace_id, f"{error!r} lacks message or trace id")
        check(error.status_code >= 400, f"{error!r} came with {error.status_code}")
        return error
    raise harness.CheckFailed(f"taken instead of refused with {code}: {result!r}")


def texts_and_interactive_messages(arguments):
    with SandboxWorld(arguments) as sandbox:
        wa = client(sandbox)
        incoming = write_first(sandbox)
        sent = wa.send_message(PHONE, "Grüße aus München 👋", preview_url=True, tracker="interop-1")
        check(sent.id.startswith("wamid."), f"id {sent.id}")
        found = sandbox.get("ledger/token/interop-1")["messages"]
        check_equal([m["wamid"] for m in found], [sent.id], "the ledger's message")
        wa.send_message(PHONE, "Which one?", header="Choose", footer="Thanks", buttons=[
            types.Button(title="Red", callback_data="red"), types.Button(title="Blue", callback_data="blue")])
        wa.send_message(PHONE, "Pick", buttons=types.SectionList(button_title="Open", sections=[types.Section(title="Shoes", rows=[
            types.SectionRow(title="Boots", callback_data="boots", description="warm")])]))
        wa.send_message(PHONE, "Our shop", buttons=types.URLButton(title="Visit", url="https://shop.example.com/"))
        wa.send_message(PHONE, "Yes", reply_to_message_id=incoming)
        wa.send_reaction(PHONE, emoji="👍", message_id=incoming)
        wa.send_location(PHONE, latitude=52.5, longitude=13.4, name="Shop", address="Street 1")
        wa.request_location(PHONE, text="Where are you?")
        wa.send_contact(PHONE, types.Contact(name=types.Contact.Name(formatted_name="Anna B", first_name="Anna"),
                                             phones=[types.Contact.Phone(phone="+491701234567", type="MOBILE")]))
        wa.send_image(PHONE, image="https://cdn.example.com/a.png", caption="Look")
        wa.send_document(PHONE, document=PNG, filename="bill.pdf", mime_type="application/pdf")
        check_equal(len(sandbox.messages(PHONE)), 11, "messages in the ledger")
        check(bool(wa.mark_message_as_read(incoming)), "mark read")
        check(bool(wa.indicate_typing(incoming)), "typing indicator")
        check_equal(len(sandbox.messages(PHONE)), 11, "a read mark is no message")


def image(media):
    return t.HeaderImage.params(image=media)


def every_kind_of_template(arguments):
    with SandboxWorld(arguments) as sandbox:
        wa = client(sandbox)
        media = wa.upload_media(PNG, mime_type="image/png", filename="a.png")
        kinds = {
            "hello_world": [],
            "order_update": [t.BodyText.params("A-1")],
            "spring_sale": [t.HeaderText.params("Sale"), t.BodyText.params("Anna", "May", "X", "5%"),
                            t.QuickReplyButton.params(callback_data="stop-promos", index=0),
                            t.QuickReplyButton.params(callback_data="stop-all", index=1)],
            "order_confirmation": [t.BodyText.params(first_name="Anna", order_number="7"),
                                   t.URLButton.params(url_variable="7", index=0)],
            "new_arrivals": [image(media.id), t.BodyText.params("Anna"), t.URLButton.params(url_variable="7", index=0)],
            "product_video": [t.HeaderVideo.params(video="https://cdn.example.com/a.mp4"),
                              t.QuickReplyButton.params(callback_data="more", index=0)],
            "invoice_ready": [t.HeaderDocument.params(document="https://cdn.example.com/a.pdf", filename="a.pdf"),
                              t.BodyText.params("$1", "May 1")],
            "pickup_point": [t.HeaderLocation.params(lat=1.5, lon=2.5, name="Shop", address="Street 1"),
                             t.BodyText.params("Mark", "5"), t.QuickReplyButton.params(callback_data="stop", index=0)],
            "login_code": [t.AuthenticationBody.params(otp="123456"), t.CopyCodeOTPButton.params(otp="123456")],
            "coupon_gift": [t.BodyText.params("X", "5%"), t.CopyCodeButton.params(coupon_code="X5", index=1)],
            "feedback_form": [t.BodyText.params("Anna"), t.FlowButton.params(index=0, flow_token="f-1")],
            "view_catalog": [t.BodyText.params("Anna", "5%"), t.CatalogButton.params(thumbnail_product_sku="sku", index=0)],
            "summer_carousel": [t.BodyText.params("Anna"), t.Carousel.params(cards=[
                t.CarouselCard.params(index=i, params=[
                    image(media.id), t.BodyText.params("$1"), t.QuickReplyButton.params(callback_data=f"more-{i}", index=0),
                    t.URLButton.params(url_variable=f"p{i}", index=1)]) for i in range(2)])],
        }
        for i, (name, params) in enumerate(kinds.items()):
            phone = str(int(PHONE) + i)
            sent = wa.send_template(phone, name, ENGLISH, params, tracker="interop-" + name)
            check_equal([m["wamid"] for m in sandbox.messages(phone)], [sent.id], f"the ledger about {name}")
        # The marketing messages endpoint.
        sent = wa.send_template("491709999999", "spring_sale", ENGLISH, kinds["spring_sale"], use_mm_lite_api=True)
        check_equal(len(sandbox.messages("491709999999")), 1, "by the marketing endpoint")
        found = sandbox.get("ledger/token/interop-spring_sale")["messages"]
        check_equal(found[0]["subject"], "spring_sale/en_US", "subject")


def media_files(arguments):
    with SandboxWorld(arguments) as sandbox:
        wa = client(sandbox)
        media = wa.upload_media(PNG, mime_type="image/png", filename="a.png")
        url = wa.get_media_url(media.id)
        check_equal((url.id, url.mime_type, url.file_size), (media.id, "image/png", len(PNG)), "what is known of it")
        check_equal(wa.get_media_bytes(url.url), PNG, "the bytes")
        check(bool(wa.delete_media(media.id, phone_id=NUMBER)), "delete")
        refused(lambda: wa.get_media_url(media.id), errors.WhatsAppError, 100)
        refused(lambda: wa.upload_media(b"MZ", mime_type="application/x-msdownload", filename="a.exe"), errors.WhatsAppError, 100)


def templates_page_by_page(arguments):
    with SandboxWorld(arguments) as sandbox:
        wa = client(sandbox)
        warnings.simplefilter("ignore", errors.PywaUnknownEnumMemberWarning)
        names, after, pages = [], None, 0
        while True:
            page = wa.get_templates(pagination=types.Pagination(limit=4, after=after))
            names += [(one.name, one.language.value) for one in page]
            for one in page:
                # pywa 4.5 has no class for payment buttons, which Meta documents.
                unknown = [c for c in one.components if isinstance(c, dict) and one.name != "payment_request"]
                check(not unknown, f"{one.name}: components unknown to the client: {unknown}")
                check(one.quality_score is not None and one.parameter_format is not None, f"{one.name} lacks fields")
            pages += 1
            if not page.has_next:
                break
            after = page.after
        check(pages >= 4, f"only {pages} pages")
        check_equal(len(set(names)), len(names), "no template twice")
        check_equal(len(names), page.total_count, "templates and total_count")
        paused = wa.get_templates(statuses=[t.TemplateStatus.PAUSED])
        check_equal([one.name for one in paused], ["paused_promo"], "filtered")
        several = wa.get_templates(statuses=[t.TemplateStatus.PAUSED, t.TemplateStatus.REJECTED])
        check_equal(sorted(one.name for one in several), ["paused_promo", "rejected_promo"], "filtered by two states")
        one = wa.get_templates(name="order_confirmation")[0]
        check_equal(wa.get_template(one.id).parameter_format, t.ParamFormat.NAMED, "read by id")


def template_life(arguments):
    with SandboxWorld(arguments) as sandbox:
        wa = client(sandbox)
        made = wa.create_template(t.Template(
            name="interop_made", language=ENGLISH, category=t.TemplateCategory.MARKETING, parameter_format=t.ParamFormat.NAMED,
            components=[t.HeaderText("The {{sale}} is on!", sale="Spring Sale"),
                        t.BodyText("Hi {{name}}, use {{code}} today.", name="Anna", code="X"), t.FooterText(text="Bye"),
                        t.Buttons(buttons=[t.QuickReplyButton(text="Stop"),
                                           t.URLButton(text="Visit", url="https://shop.example.com/{{1}}", example="a")])]))
        check_equal(made.status, t.TemplateStatus.PENDING, "state at first")
        read = wa.get_template(made.id)
        check_equal((read.name, read.status), ("interop_made", t.TemplateStatus.APPROVED), "state later")
        wa.send_template(PHONE, template=t.Template(name=read.name, language=read.language, category=read.category,
                                                    components=read.components, parameter_format=read.parameter_format),
                         params=[t.HeaderText.params(sale="Sale"), t.BodyText.params(name="Anna", code="Y"),
                                 t.QuickReplyButton.params(callback_data="stop", index=0), t.URLButton.params(url_variable="b", index=1)])
        check_equal(len(sandbox.messages(PHONE)), 1, "sent")
        check(bool(wa.delete_template("interop_made")), "delete")
        refused(lambda: wa.send_template(PHONE, "interop_made", ENGLISH, [t.BodyText.params(name="A", code="B")]),
                errors.TemplateNotExists, 132001)


def numbers_and_account(arguments):
    with SandboxWorld(arguments) as sandbox:
        wa = client(sandbox)
        number = wa.get_business_phone_number()
        check_equal((number.id, number.verified_name, number.throughput, number.quality_rating),
                    (NUMBER, "Lindenhof Outdoor News", {"level": "HIGH"}, "GREEN"), "the number")
        check_equal(len(wa.get_business_phone_numbers()), 3, "numbers")
        account = wa.get_business_account()
        check_equal((account.id, account.currency), (WABA, "EUR"), "the account")
        check(account.message_template_namespace, "no template namespace")
        check_equal(wa.get_business_profile().industry, types.Industry.RETAIL, "the profile's industry")


def errors_have_their_own_classes(arguments):
    with SandboxWorld(arguments) as sandbox:
        wa = client(sandbox)
        body = t.BodyText.params("A-1")
        refused(lambda: wa.send_template(PHONE, "no_such_template", ENGLISH, [body]), errors.TemplateNotExists, 132001)
        refused(lambda: wa.send_template(PHONE, "order_update", t.TemplateLanguage.GERMAN, [body]), errors.TemplateNotExists, 132001)
        found = refused(lambda: wa.send_template(PHONE, "order_update", ENGLISH, []), errors.TemplateParamCountMismatch, 132000)
        check(found.details, "132000 without details")
        refused(lambda: wa.send_template(PHONE, "paused_promo", ENGLISH, [body]), errors.TemplatePaused, 132015)
        refused(lambda: wa.send_message(PHONE, "Out of the blue"), errors.ReEngagementMessage, 131047)
        refused(lambda: wa.send_template("15550783882", "order_update", ENGLISH, [body]), errors.RecipientCannotBeSender, 131021)
        refused(lambda: client(sandbox, "EAAWrong").get_business_phone_number(), errors.ExpiredAccessToken, 190)
        sandbox.post("tokens", {"expire": True})
        refused(lambda: wa.send_template(PHONE, "order_update", ENGLISH, [body]), errors.ExpiredAccessToken, 190)
        sandbox.post("tokens", {"restore": True})
        sandbox.post("account", {"restricted": True})
        refused(lambda: wa.send_template(PHONE, "order_update", ENGLISH, [body]), errors.AccountLocked, 131031)


def every_error_code_is_parsed(arguments):
    known = errors._all_exceptions()
    with SandboxWorld(arguments) as sandbox:
        wa = client(sandbox)
        for code in (4, 10, 190, 368, 80007, 130429, 130472, 130497, 131000, 131005, 131008, 131009, 131016, 131021, 131026, 131031,
                     131037, 131042, 131045, 131047, 131048, 131049, 131050, 131051, 131052, 131053, 131056, 131057, 131062,
                     131063, 131064, 132000, 132001, 132005, 132007, 132008, 132012, 132015, 132016, 132068, 132069, 133016, 135000):
            sandbox.call("DELETE", "chaos")
            sandbox.post("chaos", {"faults": [{"kind": "error", "rate": 1, "code": code}]})
            found = refused(lambda: wa.send_template(PHONE, "order_update", ENGLISH, [t.BodyText.params("A")]), known[code], code)
            check(found.details and found.type == "OAuthException", f"{code}: {found!r}")


if __name__ == "__main__":
    sys.exit(harness.main(__doc__, [texts_and_interactive_messages, every_kind_of_template, media_files, templates_page_by_page,
                                    template_life, numbers_and_account, errors_have_their_own_classes, every_error_code_is_parsed]))
