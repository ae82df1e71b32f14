class X:
    def check(self,*a): print("check")
q1=q2=q3=q4=q5=q6=X()
