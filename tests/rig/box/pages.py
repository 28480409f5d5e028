"""What an administrator does in the web of an installed box, whose unit may do little."""

from tests.rig.box.machines import Box

ASK = """
import json, time, urllib.request
def ask(method, path, body=None, token=None):
    request = urllib.request.Request('http://127.0.0.1:5000/api/v1' + path, method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={'Content-Type': 'application/json', **({'Authorization': 'Bearer ' + token} if token else {})})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer).get('data')
    except urllib.error.HTTPError as error:
        return json.load(error)
def job(begin, path, body):
    begun = ask('POST', path, body, token)
    until = time.monotonic() + 300
    while not (found := ask('GET', '/backups', None, token))['job']['done']:
        assert time.monotonic() < until, found['job']
        time.sleep(0.5)
    assert found['job']['problem'] is None, found['job']
    return found
who = dict(username='olga', password=open('/root/olga').read().strip())
token = ask('POST', '/auth/login', who)['access_token']
shown = ask('GET', '/settings', None, token)
assert shown['closed'] and not shown['wrong'], shown['closed']
made = job('make', '/backups', dict(pictures='none', people=True))
name = made['archives'][0]['name']
checked = job('check', '/backups/' + name + '/check', {})['archives'][0]
assert checked['checked_at'] and checked['people'] and not checked['problem'], checked
reload = ask('POST', '/settings/reload', {}, token)
print('settings are to read (' + shown['closed'] + '), with', shown['commands']['node'], 'beside them; asked to read them again: web',
    reload['web'] + ', node', reload['node'] + '; a backup made in', made['folder'], 'and checked')
"""  # noqa: E501


def pages(box: Box) -> str:
    """Settings can be read, with the command that reloads them; a backup is made and checked."""
    box.run(
        "umask 077; printf 'crow lamp seven 41' > /root/olga;"
        " inspection-node user add olga --role ADMIN --password-file /root/olga"
    )
    told = box.run("python3 -", given=ASK.encode(), limit_s=400).stdout.strip()
    box.run("systemctl reload inspection-node inspection-web")
    return told
